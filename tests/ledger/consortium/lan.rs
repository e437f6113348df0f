//! Hosts of their own: network namespaces, two on each of two switches, so that links can be cut.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// How many were made in this process, so that each has names and addresses of its own.
static MADE: AtomicU32 = AtomicU32::new(0);

/// The hosts and switches. They are gone when this is dropped.
pub struct Lan {
    id: u32,
}

impl Lan {
    /// None where this machine does not let the test make namespaces: that takes root and Debian's iproute2.
    pub fn new() -> Option<Self> {
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let lan = Self { id: (std::process::id() + 5_003 * made) % 10_000 };
        if !ip(&format!("netns add {}", lan.host(0))) {
            return None;
        }
        let run = |arguments: String| assert!(ip(&arguments), "ip {arguments}");
        for switch in ["a", "b"] {
            run(format!("link add {} type bridge", lan.switch(switch)));
            run(format!("link set {} up", lan.switch(switch)));
        }
        run(format!("link add {} type veth peer name {}", lan.trunk("a"), lan.trunk("b")));
        for end in ["a", "b"] {
            run(format!("link set {} master {}", lan.trunk(end), lan.switch(end)));
            run(format!("link set {} up", lan.trunk(end)));
        }
        for host in 0..4 {
            let (name, port) = (lan.host(host), lan.port(host));
            if host > 0 {
                run(format!("netns add {name}"));
            }
            run(format!("link add {port} type veth peer name eth0 netns {name}"));
            run(format!("link set {port} master {}", lan.switch(if host < 2 { "a" } else { "b" })));
            run(format!("link set {port} up"));
            run(format!("-n {name} addr add {}/24 dev eth0", lan.address(host)));
            run(format!("-n {name} link set eth0 up"));
            run(format!("-n {name} link set lo up"));
        }
        Some(lan)
    }

    fn host(&self, number: usize) -> String {
        format!("lt{}h{number}", self.id)
    }

    fn switch(&self, name: &str) -> String {
        format!("lt{}{name}", self.id)
    }

    /// One end of the cable between the switches.
    pub fn trunk(&self, end: &str) -> String {
        format!("lt{}t{end}", self.id)
    }

    /// The switch's end of a host's cable.
    pub fn port(&self, host: usize) -> String {
        format!("lt{}p{host}", self.id)
    }

    pub fn address(&self, host: usize) -> String {
        format!("10.{}.{}.{}", 64 + self.id % 64, self.id / 64 % 256, host + 1)
    }

    /// What a command is started through to run on a host.
    pub fn through(&self, host: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.host(host)].map(String::from).to_vec()
    }

    /// Brings a cable `up` or `down`.
    pub fn set(&self, link: &str, state: &str) {
        assert!(ip(&format!("link set {link} {state}")));
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for host in 0..4 {
            ip(&format!("netns del {}", self.host(host)));
        }
        for switch in ["a", "b"] {
            ip(&format!("link del {}", self.switch(switch)));
        }
        ip(&format!("link del {}", self.trunk("a")));
    }
}

fn ip(arguments: &str) -> bool {
    let outcome = Command::new("ip").args(arguments.split(' ')).output();
    outcome.is_ok_and(|output| output.status.success())
}
