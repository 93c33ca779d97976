//! pip from an index behind Debian's nginx: hashes hold, so nothing was edited.

use crate::support::TestCa;
use crate::support::nginx::Nginx;
use crate::support::scene::Scene;
use std::process::Command;

/// A wheel as zip files are made, by Python; its path and its SHA-256 are printed.
const MAKE: &str = r#"
import base64, hashlib, sys, zipfile
path, mail = sys.argv[1], "ann@home.example"
files = {"parcel.py": "AUTHOR = %r\n" % mail, "parcel-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
         "parcel-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\nAuthor-email: %s\n" % mail}
digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data.encode()).digest()).decode().rstrip("=")
record = "".join("%s,sha256=%s,%d\n" % (name, digest(data), len(data)) for name, data in files.items())
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
    for name, data in {**files, "parcel-1.0.dist-info/RECORD": record + "parcel-1.0.dist-info/RECORD,,\n"}.items():
        wheel.writestr(name, data)
print(hashlib.sha256(open(path, "rb").read()).hexdigest())
"#;

#[test]
fn a_wheel_is_installed_by_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let wheel = dir.path().join("parcel-1.0-py3-none-any.whl");
    let made = Command::new("/usr/bin/python3").args(["-c", MAKE]).arg(&wheel).output().unwrap();
    let hash = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let name = "parcel-1.0-py3-none-any.whl";
    let index = format!("<!doctype html><a href=\"../../files/{name}#sha256={hash}\">{name}</a>");
    let bytes = std::fs::read(&wheel).unwrap();
    let ca = TestCa::new();
    let nginx = Nginx::start(
        &ca,
        &["index.test"],
        &[("simple/parcel/index.html", index.as_bytes()), (&format!("files/{name}"), &bytes)],
    );
    let scene = Scene::set(&ca, &[("index.test", nginx.http1)]);
    let wants = dir.path().join("wants.txt");
    std::fs::write(&wants, format!("parcel==1.0 --hash=sha256:{hash}\n")).unwrap();

    let mut pip = Command::new("/usr/bin/python3");
    pip.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", dir.path());
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--require-hashes",
    ]);
    pip.args(["--index-url", "https://index.test/simple/", "--target"])
        .arg(dir.path().join("site"))
        .arg("-r")
        .arg(&wants);
    let done = scene.around(pip).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let installed = std::fs::read_to_string(dir.path().join("site/parcel.py")).unwrap();
    assert_eq!(installed, "AUTHOR = 'ann@home.example'\n");
    assert_eq!(nginx.requests("/files/", 1).len(), 1);
    let records = scene.closed(2);
    assert!(
        records.iter().filter(|record| record["kind"] == "open").all(|open| open["host"] == "index.test")
    );
}
