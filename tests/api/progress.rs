//! A query is followed by server-sent events: each change once, an end, a bound.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use circuits::id::QueryId;
use market::ledger::act;
use node::{
    transaction::{Action, Transfer, Withdraw},
    units::{Amount, ContributionIndex},
};
use serde_json::{Value, json};
use ureq::BodyReader;
use web::{
    api::{ADDRESS_STREAMS_MAX, STREAMS_MAX},
    client::RemoteLedger,
};

use super::server::{Server, agent, world};
use crate::world::{account, key, payout_name};

/// A stream that is read.
struct Events(BufReader<BodyReader<'static>>);

/// One event: its id and data.
type Event = (String, Value);

impl Events {
    fn open(server: &Server, id: QueryId, told: &str) -> Self {
        let url = format!("{}/v1/queries/{id}/progress", server.running.url());
        let response = agent().get(url).header("last-event-id", told).call().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self(BufReader::new(response.into_body().into_reader()))
    }

    /// The lines up to the next empty one; `None` at the end.
    fn block(&mut self) -> Option<Vec<String>> {
        let mut lines = vec![];
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                assert!(lines.is_empty(), "the stream breaks off after {lines:?}");
                return None;
            }
            match line.trim_end_matches('\n') {
                "" => return Some(lines),
                line => lines.push(line.to_owned()),
            }
        }
    }

    /// The next event, past comments and the time to try again.
    fn next(&mut self) -> Option<Event> {
        loop {
            let lines = self.block()?;
            let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(data) = field("data: ") {
                assert_eq!(field("event: ").as_deref(), Some("progress"));
                return Some((field("id: ").unwrap(), serde_json::from_str(&data).unwrap()));
            }
        }
    }
}

/// Takes a contribution of the world's collecting query back.
pub fn withdraw(server: &Server, number: u32) {
    let ledger = RemoteLedger::connect(server.remote()).unwrap();
    let withdraw = Withdraw { query: server.collecting, contribution: ContributionIndex::new(number) };
    act(&ledger, &key(&payout_name(number.into())), Action::Withdraw(withdraw)).unwrap();
}

#[test]
fn a_stream_tells_each_change_once_and_ends_with_the_server() {
    let server = Server::start();
    let mut events = Events::open(&server, server.collecting, "");
    assert_eq!(events.block().unwrap(), ["retry: 3000"]);
    let (id, first) = events.next().unwrap();
    let query = server.get(&format!("/v1/queries/{}", server.collecting)).json()["query"].clone();
    let expected = |surviving: u32| {
        json!({
            "stage": "collecting", "admitted": 3, "surviving": surviving, "minimum": query["contributions_min"],
            "maximum": query["contributions_max"], "caught_lying": 0,
        })
    };
    assert_eq!(first, expected(2));
    // A block that changes nothing here says nothing here.
    let ledger = RemoteLedger::connect(server.remote()).unwrap();
    let transfer = Action::Transfer(Transfer { to: account("sponsor"), amount: Amount::new(1) });
    act(&ledger, &key("friend"), transfer).unwrap();
    withdraw(&server, 2);
    let (next, second) = events.next().unwrap();
    assert_eq!(second, expected(1));
    assert_ne!(next, id);
    // Who was told that already hears of what comes after alone.
    let mut later = Events::open(&server, server.collecting, &next);
    withdraw(&server, 0);
    assert_eq!(later.next().unwrap().1, expected(0));
    assert_eq!(events.next().unwrap().1, expected(0));
    server.running.stop().unwrap();
    assert_eq!((events.next(), later.next()), (None, None));
}

#[test]
fn a_query_that_ended_is_told_once_and_nobody_waits_for_more() {
    let (mut world, collecting, aggregated) = world();
    let blocks = world.query().release_blocks_max;
    world.pass_blocks(blocks + 1);
    world.act("friend", Action::Refund(aggregated)).unwrap();
    world.block();
    let server = Server::over(world.sequencer, collecting, aggregated);
    let mut events = Events::open(&server, aggregated, "");
    let (id, told) = events.next().unwrap();
    assert_eq!(told["stage"], "refunded");
    assert_eq!(events.next(), None);
    let url = format!("{}/v1/queries/{aggregated}/progress", server.running.url());
    assert_eq!(agent().get(url).header("last-event-id", id).call().unwrap().status(), 204);
}

#[test]
fn what_is_no_query_is_not_followed() {
    let server = Server::start();
    server.get(&format!("/v1/queries/{}/progress", "00".repeat(32))).refused(404, "not known here");
    server.get("/v1/queries/everything/progress").refused(400, "query id");
}

/// Takes every place for a stream, from as many addresses as that takes, for as long as the connections are held.
pub fn take_all_places(server: &Server) -> Vec<TcpStream> {
    (0..STREAMS_MAX).map(|place| take_place(server, &format!("10.0.0.{}", place / ADDRESS_STREAMS_MAX))).collect()
}

/// Takes a place for a stream of an address behind a proxy, and keeps it for as long as the connection is held.
fn take_place(server: &Server, address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.running.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "GET /v1/queries/{}/progress HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {address}\r\n\r\n",
        server.collecting
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut begin = [0; 15];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    stream
}

#[test]
fn no_address_takes_every_stream() {
    let server = Server::start();
    let held: Vec<_> = (0..ADDRESS_STREAMS_MAX).map(|_| take_place(&server, "127.0.0.1")).collect();
    let path = format!("/v1/queries/{}/progress", server.collecting);
    server.get(&path).refused(503, &format!("{ADDRESS_STREAMS_MAX} streams"));
    take_place(&server, "10.0.0.1");
    drop(held);
}

#[test]
fn streams_are_bounded_and_one_that_was_left_frees_its_place() {
    let server = Server::start();
    let mut held = take_all_places(&server);
    let path = format!("/v1/queries/{}/progress", server.collecting);
    let full = server.get(&path);
    full.refused(503, &format!("{STREAMS_MAX} streams"));
    assert_eq!(full.header("retry-after"), "60");
    // What the node answers beside streams it still answers.
    assert_eq!(server.get(&format!("/v1/queries/{}", server.collecting)).status, 200);
    held.truncate(STREAMS_MAX / 2);
    withdraw(&server, 2);
    withdraw(&server, 0);
    let url = format!("{}{path}", server.running.url());
    let opens = || agent().get(&url).call().unwrap().status() == 200;
    assert!(
        (0..600).any(|_| opens() || {
            thread::sleep(Duration::from_millis(50));
            false
        }),
        "no place is free again"
    );
}
