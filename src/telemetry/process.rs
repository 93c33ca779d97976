//! The process's own figures, read from `/proc/self` (proc(5)); absent where there is no such folder.

use std::fmt::Write as _;
use std::fs;

/// The kernel counts a process's time in these parts of a second on every Linux (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Appends the usual `process_` metrics to a text of metrics.
pub(super) fn append(text: &mut String) {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (status, stat, limits) =
        (read("/proc/self/status"), read("/proc/self/stat"), read("/proc/self/limits"));
    let mut add = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
    };
    add("process_cpu_seconds_total", "counter", "User and system time in seconds.", cpu_seconds(&stat));
    add("process_resident_memory_bytes", "gauge", "Resident memory in bytes.", memory(&status, "VmRSS:"));
    add("process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.", memory(&status, "VmSize:"));
    add("process_threads", "gauge", "Threads.", field(&status, "Threads:"));
    add("process_open_fds", "gauge", "Open file descriptors.", open_files());
    add("process_max_fds", "gauge", "The most file descriptors allowed.", field(&limits, "Max open files"));
    let start = start_seconds(&stat, &read("/proc/stat"));
    add("process_start_time_seconds", "gauge", "Start, in seconds since 1970.", start);
}

/// The number behind a line's beginning.
fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn memory(status: &str, name: &str) -> Option<f64> {
    field(status, name).map(|kib| kib * 1024.0)
}

/// Field `number` of `/proc/self/stat`, from 3; the name before may hold spaces and brackets.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS)
}

fn start_seconds(stat: &str, machine: &str) -> Option<f64> {
    Some(field(machine, "btime ")? + stat_field(stat, 22)? / TICKS)
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder itself is open while it is read.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_behind_a_name_with_brackets() {
        let stat = "7 (door) ward) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 4 0 1000 9 9";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(start_seconds(stat, "cpu 1\nbtime 1000\n"), Some(1010.0));
        assert_eq!(memory("Name: x\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12_288.0));
        assert_eq!(
            field("Max open files            1024     4096   files\n", "Max open files"),
            Some(1024.0)
        );
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn the_running_process_has_figures() {
        let mut text = String::new();
        append(&mut text);
        for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name}\n{text}");
        }
    }
}
