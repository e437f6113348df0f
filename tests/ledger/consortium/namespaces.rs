//! Validators on hosts of their own: network namespaces, two on each of two switches, so that links can be cut.

use std::{process::Command, thread, time::Duration};

use super::town::Town;
use crate::world::ENDOWMENT;

/// The hosts and switches. They are gone when this is dropped.
struct Lan {
    id: u32,
}

impl Lan {
    /// None where this machine does not let the test make namespaces: that takes root and Debian's iproute2.
    fn new() -> Option<Self> {
        let lan = Self { id: std::process::id() % 10_000 };
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

    fn trunk(&self, end: &str) -> String {
        format!("lt{}t{end}", self.id)
    }

    fn port(&self, host: usize) -> String {
        format!("lt{}p{host}", self.id)
    }

    fn address(&self, host: usize) -> String {
        format!("10.{}.{}.{}", 64 + self.id % 64, self.id / 64 % 256, host + 1)
    }

    fn town(&self) -> Town {
        let addresses: Vec<_> = (0..4).map(|host| format!("/ip4/{}/tcp/26656", self.address(host))).collect();
        let mut town = Town::at(&addresses, vec![]);
        for host in 0..4 {
            town.through[host] = ["ip", "netns", "exec", &self.host(host)].map(String::from).to_vec();
        }
        (0..4).for_each(|host| town.start(host));
        town
    }

    fn set(&self, link: &str, state: &str) {
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

#[test]
fn four_hosts_survive_cut_links_and_agree_when_they_heal() {
    let Some(lan) = Lan::new() else {
        println!("skipped: network namespaces take root and iproute2");
        return;
    };
    let mut town = lan.town();
    let first = town.transfer("researcher", 0, 1);
    assert_eq!(town.node(2).submit(&first), "taken");
    town.settle(&first);

    // 3 | 1: the three go on, the one follows when its link is back.
    lan.set(&lan.port(1), "down");
    let second = town.transfer("researcher", 1, 1);
    assert_eq!(town.node(0).submit(&second), "taken");
    town.settle_at(&[0, 2, 3], &second);
    assert!(!town.node(1).has(&second));
    lan.set(&lan.port(1), "up");
    town.settle(&second);

    // 2 | 2: neither half decides, and nobody's transaction is lost.
    lan.set(&lan.trunk("a"), "down");
    let (third, fourth) = (town.transfer("researcher", 2, 1), town.transfer("sponsor", 0, 1));
    assert_eq!(town.node(0).submit(&third), "taken");
    assert_eq!(town.node(3).submit(&fourth), "taken");
    thread::sleep(Duration::from_secs(3));
    for number in 0..4 {
        assert!(!town.node(number).has(&third) && !town.node(number).has(&fourth), "half a consortium decided");
    }
    lan.set(&lan.trunk("a"), "up");
    town.settle(&third);
    town.settle(&fourth);
    for number in 0..4 {
        assert_eq!(town.account(number, "friend").0, ENDOWMENT + 4);
    }
    town.agree();
    // Before the namespaces are gone.
    drop(town);
}
