#!/usr/bin/env python3
"""Where the gateway's CPU goes, by stage: reads `perf script -F comm,ip,sym,dso --no-inline` of a running gateway.

    perf record -F 799 --call-graph dwarf,8192 -p PID -o perf.data -- sleep 3
    perf script --no-inline -i perf.data -F comm,ip,sym | benches/stages.py CPU_MICROSECONDS_PER_REQUEST [-v]

Each sample belongs to the innermost frame that names a stage, so the table adds up to the whole: what the standard
library, the allocator or a copy costs is charged to whoever called it. System calls are a stage of their own.
"""
import collections
import re
import sys

STAGES = [
    ("ledger: records and sealing", r"doorward::ledger"),
    ("trackers", r"doorward::trackers"),
    ("finding identifiers", r"doorward::rewrite"),
    ("persona", r"doorward::persona"),
    ("terms", r"doorward::terms"),
    ("pool", r"doorward::upstream"),
    ("corridor", r"doorward::exchange"),
    ("front door", r"doorward::gateway"),
    ("TLS", r"rustls|aws_lc"),
    ("HTTP/2", r"h2::"),
    ("HTTP/1.1, fields", r"hyper|http::|httparse"),
    ("runtime", r"tokio|mio::"),
]
SYSTEM_CALL = {"do_syscall_64", "entry_SYSCALL_64_after_hwframe"}


def stacks(lines):
    """Thread name and frames, innermost first, of each sample."""
    thread, frames = None, []
    for line in lines:
        if not line.strip():
            if frames:
                yield thread, frames
            frames = []
        elif not line[0].isspace():
            thread, frames = line.split()[0], []
        else:
            frames.append(line.split(None, 1)[-1].strip())
    if frames:
        yield thread, frames


def stage(thread, frames):
    if thread == "ledger":
        return "ledger thread", frames[0]
    if SYSTEM_CALL.intersection(frames):
        calls = [frame for frame in frames if frame.startswith(("__x64_sys", "__sys", "do_writev"))]
        return "system calls", (calls or frames)[0]
    for frame in frames:
        for name, pattern in STAGES:
            if re.search(pattern, frame):
                return name, re.sub(r"::h[0-9a-f]{16}$", "", frame)
    return "other", frames[0]


def main():
    counts, inside = collections.Counter(), collections.defaultdict(collections.Counter)
    for thread, frames in stacks(sys.stdin):
        name, frame = stage(thread, frames)
        counts[name] += 1
        inside[name][frame[:90]] += 1
    total, whole = sum(counts.values()), float(sys.argv[1])
    for name, count in counts.most_common():
        print(f"{name:30} {100 * count / total:5.1f} %  {whole * count / total:6.2f} µs")
        if "-v" in sys.argv:
            for frame, times in inside[name].most_common(12):
                print(f"      {whole * times / total:5.2f} µs  {frame}")


main()
