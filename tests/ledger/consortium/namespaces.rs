//! Validators on hosts of their own whose links are cut.

use std::{thread, time::Duration};

use super::{lan::Lan, town::Town};
use crate::{
    skipped::{REQUIRE_ROOT, nothing_checked},
    world::ENDOWMENT,
};

/// Four validators, each on a host of its own, all running.
pub fn town(lan: &Lan) -> Town {
    let addresses: Vec<_> = (0..4).map(|host| format!("/ip4/{}/tcp/26656", lan.address(host))).collect();
    let mut town = Town::at(&addresses, vec![]);
    for host in 0..4 {
        town.through[host] = lan.through(host);
    }
    (0..4).for_each(|host| town.start(host));
    town
}

#[test]
fn four_hosts_survive_cut_links_and_agree_when_they_heal() {
    let Some(lan) = Lan::new() else {
        let test = "hosts of their own";
        return nothing_checked(REQUIRE_ROOT, test, "network namespaces take root and iproute2");
    };
    let mut town = town(&lan);
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
