//! Ports for servers of this machine that have to know theirs before they listen.

use std::{collections::BTreeSet, net::TcpListener, ops::Range, sync::Mutex};

use rand::RngExt as _;

/// Ports from which no system takes one for an outgoing connection, so that whoever was killed can come back to its own.
const PORTS: Range<u16> = 20_000..32_000;

/// A port that nobody has taken, and that this process is given once.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    loop {
        assert!(given.len() < PORTS.len(), "every port was given");
        let port = rand::rng().random_range(PORTS);
        if given.insert(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
