//! The server's memory stays bounded whatever clients do. One test, since the process's
//! memory is one; clients and server share it, and the bounds are generous.
#![cfg(target_os = "linux")]

mod changed_accounts;
#[path = "../it/raw/mod.rs"]
mod raw;
mod soak;

use neon_mock::NeonMock;
use raw::{LET_IN, assert_lives, connect, get, headers, receive, try_ask, with_body};
use std::io::Write as _;

/// Resident memory of this process, in KiB.
fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Growth while `flood` runs, in KiB.
fn growth_kib(mock: &NeonMock, flood: impl FnOnce()) -> u64 {
    assert_lives(mock);
    let before = rss_kib();
    flood();
    assert_lives(mock);
    rss_kib().saturating_sub(before)
}

/// So many GETs on one connection.
fn gets(mock: &NeonMock, count: u64) {
    let mut stream = connect(mock);
    for id in 0..count {
        stream.write_all(&get(1 + id % 50)).unwrap();
        assert_eq!(receive(&mut stream).unwrap().unwrap().status, 200);
    }
}

fn hostile(mock: &NeonMock) {
    let head = |verb: &str, headers: &str| {
        format!("{verb} /v2/accounts/1 HTTP/1.1\r\nhost: x\r\n{LET_IN}{headers}\r\n").into_bytes()
    };
    let requests = [
        head("GET", &headers(1_000)),
        head("GET", &format!("x: {}\r\n", "y".repeat(1 << 18))),
        head("PATCH", "content-length: 99999999999\r\n"),
        with_body("PATCH", "/v2/accounts/1", "", "[".repeat(500_000).as_bytes()),
        with_body("PATCH", "/v2/accounts/1", "", &vec![0xff; 100_000]),
        with_body("PATCH", "/v2/accounts/1", "", &vec![b' '; 2 << 20]),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        format!("GET /v2/{} HTTP/1.1\r\n\r\n", "a".repeat(20_000)).into_bytes(),
    ];
    for _ in 0..20 {
        for request in &requests {
            if let Some(answer) = try_ask(mock, request) {
                assert!((400..500).contains(&answer.status), "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn memory_stays_flat() {
    const MIB: u64 = 1 << 10;
    let mock = NeonMock::builder().profile("unlimited").start().await;
    // Warm up, so that one-off allocations do not count.
    gets(&mock, 2_000);
    hostile(&mock);

    let growth = growth_kib(&mock, || gets(&mock, 5_000));
    assert!(growth < 5 * MIB, "5,000 GETs took {growth} KiB");

    let growth = growth_kib(&mock, || (0..5).for_each(|_| hostile(&mock)));
    assert!(growth < 20 * MIB, "hostile requests took {growth} KiB");

    let mut idle = Vec::new();
    let growth = growth_kib(&mock, || {
        for _ in 0..1_000 {
            let mut stream = connect(&mock);
            stream.write_all(&get(1)).unwrap();
            assert_eq!(receive(&mut stream).unwrap().unwrap().status, 200);
            idle.push(stream);
        }
    });
    assert!(growth < 40 * MIB, "1,000 idle connections took {growth} KiB");
    // Each of them still works.
    let last = idle.last_mut().unwrap();
    last.write_all(&get(2)).unwrap();
    assert_eq!(receive(last).unwrap().unwrap().status, 200);
}
