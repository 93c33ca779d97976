use super::*;

struct Scene {
    passing: Passing,
    phone: Device,
    now: Timestamp,
}

impl Scene {
    /// A phone that accepts our certificates elsewhere.
    fn new() -> Self {
        let phone = Device::of(&Who::guest(), IpAddr::from([127, 0, 0, 7]));
        let scene = Self { passing: forgetful(), phone, now: Timestamp(1_000_000) };
        scene.passing.works(&scene.phone, &host("shop.test"), scene.now);
        scene
    }

    fn refused(&self, how: Refusal) -> Lesson {
        self.passing.refused(&self.phone, &host("app.test"), how, true, self.now)
    }

    fn is_pinned(&self) -> bool {
        self.passing.why(&self.phone, &host("app.test"), self.now) == Some(Why::Pinned)
    }
}

/// Keeps nothing over a restart.
fn forgetful() -> Passing {
    Passing { learned: Mutex::default(), challenged: AtomicBool::default(), store: None }
}

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

#[test]
fn an_alert_teaches_at_once_and_for_seven_days() {
    let mut scene = Scene::new();
    assert!(!scene.is_pinned());
    assert_eq!(scene.refused(Refusal::Alert), Lesson::Passes);
    assert!(scene.is_pinned());
    assert!(scene.passing.why(&scene.phone, &host("shop.test"), scene.now).is_none());
    scene.now.0 += HOLDS - 1;
    assert!(scene.is_pinned());
    scene.now.0 += 1;
    assert!(!scene.is_pinned());
}

#[test]
fn bare_ends_teach_the_third_time_unless_it_works_there() {
    let scene = Scene::new();
    assert_eq!([(); 2].map(|()| scene.refused(Refusal::BareEnd)), [Lesson::Nothing; 2]);
    assert!(!scene.is_pinned());
    assert_eq!(scene.refused(Refusal::BareEnd), Lesson::Passes);
    assert!(scene.is_pinned());
    for _ in 0..5 {
        let lesson =
            scene.passing.refused(&scene.phone, &host("shop.test"), Refusal::BareEnd, true, scene.now);
        assert_eq!(lesson, Lesson::Nothing);
    }
}

#[test]
fn a_device_that_accepts_nothing_of_ours_teaches_nothing() {
    let scene = Scene::new();
    let stranger = Device::of(&Who::guest(), IpAddr::from([127, 0, 0, 8]));
    let refused = |how| scene.passing.refused(&stranger, &host("app.test"), how, true, scene.now);
    assert_eq!(refused(Refusal::Alert), Lesson::Distrust);
    assert_eq!([(); 4].map(|()| refused(Refusal::BareEnd)), [Lesson::Nothing; 4]);
    assert!(scene.passing.why(&stranger, &host("app.test"), scene.now).is_none());
}

#[test]
fn what_may_not_pass_is_told_and_not_let_through() {
    let scene = Scene::new();
    let lesson = scene.passing.refused(&scene.phone, &host("app.test"), Refusal::Alert, false, scene.now);
    assert_eq!((lesson, scene.is_pinned()), (Lesson::Passes, false));
}

#[test]
fn memory_is_bounded_and_what_is_over_makes_room() {
    let mut scene = Scene::new();
    for number in 0..MOST_HOSTS + 10 {
        scene.passing.works(&scene.phone, &host(&format!("h{number}.test")), scene.now);
    }
    assert_eq!(scene.passing.lock().hosts.len(), MOST_HOSTS);
    scene.now.0 += HOLDS;
    scene.passing.works(&scene.phone, &host("new.test"), scene.now);
    assert_eq!(scene.passing.lock().hosts.len(), 1);
}

#[test]
fn a_vendor_that_wants_a_certificate_says_so_once() {
    let scene = Scene::new();
    let bank = host("bank.test");
    assert_eq!(scene.passing.wants_certificate(&scene.phone, &bank, true, scene.now), Lesson::Passes);
    assert_eq!(scene.passing.why(&scene.phone, &bank, scene.now), Some(Why::ClientCertificate));
}

#[test]
fn only_pages_refused_in_a_row_let_pass() {
    let scene = Scene::new();
    let wall = host("wall.test");
    let challenged = || scene.passing.challenged(&scene.phone, &wall, true, scene.now);
    assert_eq!([(); 2].map(|()| challenged()), [Lesson::Nothing; 2]);
    scene.passing.served(&scene.phone, &wall);
    assert!(!scene.passing.challenged.load(Ordering::Relaxed));
    assert_eq!([(); 2].map(|()| challenged()), [Lesson::Nothing; 2]);
    assert_eq!(scene.passing.why(&scene.phone, &wall, scene.now), None);
    assert_eq!(challenged(), Lesson::Passes);
    assert_eq!(scene.passing.why(&scene.phone, &wall, scene.now), Some(Why::Challenged));
}

#[test]
fn devices_and_reasons_are_written_and_read() {
    let member = MemberId::GUEST;
    for known in [Known::Name("Ann's tablet: old".into()), Known::Address(IpAddr::from([127, 0, 0, 7]))] {
        let device = Device(member, known);
        assert_eq!(Device::read(member, &device.written()), Some(device));
    }
    for why in [Why::Pinned, Why::ClientCertificate, Why::Challenged] {
        assert_eq!(Why::read(why.as_str()), Some(why));
    }
    assert!(Device::read(member, "address:home").is_none() && Why::read("so").is_none());
}
