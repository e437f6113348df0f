//! Bounds and headers: broken connections, oversized heads, and what every answer carries.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use web::api::ADDRESS_FORMS_MAX;

use super::server::Server;

/// Sends raw bytes, closes the sending side and returns what came back.
fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.running.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // A server that has heard enough closes before all is sent.
    let _ = stream.write_all(request).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_truncated_body_changes_nothing_and_the_server_goes_on() {
    let server = Server::start();
    let head = b"POST /v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n";
    let answer = raw(&server, &[head.as_slice(), b"content-length: 100\r\n\r\nabc"].concat());
    assert!(!answer.contains(" 202 "), "{answer}");
    let digest = "00".repeat(32);
    let head = format!("PUT /v1/blobs/blob/{digest} HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n");
    let answer = raw(&server, format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nab").as_bytes());
    assert!(!answer.contains(" 201 "), "{answer}");
    assert_eq!(server.chain.waiting(), 0);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_chunked_body_beyond_the_bound_is_refused_without_an_announced_length() {
    let server = Server::start();
    let mut request = b"POST /v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n\
                        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..7 {
        request.extend(format!("{:x}\r\n", 16_384).bytes());
        request.extend(vec![0; 16_384]);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    let answer = raw(&server, &request);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn malformed_requests_and_endless_heads_are_refused() {
    let server = Server::start();
    assert!(raw(&server, b"GARBAGE\r\n\r\n").starts_with("HTTP/1.1 400"));
    let endless = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 200_000]].concat();
    assert!(!raw(&server, &endless).contains(" 200 "));
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn every_answer_carries_the_headers_that_forbid_guessing_framing_and_caching() {
    let server = Server::start();
    for path in ["/health", "/v1/head", "/nowhere", "/v1/blocks/x", "/metrics", "/openapi.json"] {
        let answer = server.get(path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[test]
fn metrics_count_by_route_and_never_by_id() {
    let server = Server::start();
    let account = "11".repeat(32);
    assert_eq!(server.get(&format!("/v1/accounts/{account}")).status, 200);
    server.get("/no/such/place");
    let answer = server.get("/metrics");
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains("locus_ledger_height "), "{text}");
    assert!(text.contains("route=\"/v1/accounts/{id}\""), "{text}");
    assert!(!text.contains(&account) && !text.contains("/no/such/place"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_stopped_server_frees_its_port_and_keeps_what_it_answered_for() {
    let server = Server::start();
    let (url, address) = (server.running.url(), server.running.address());
    server.running.stop().unwrap();
    assert!(TcpStream::connect(address).is_err(), "{url} still listens");
    std::net::TcpListener::bind(address).unwrap();
}

#[test]
fn an_address_in_use_is_named() {
    let server = Server::start();
    let taken = server.running.address().to_string();
    let service = web::member::MemberService {
        member: circuits::id::AccountId::from_bytes([1; 32]),
        committee: std::sync::Arc::new(web::client::RemoteCommittee::default()),
    };
    let error = web::serve::serve_member(service, &taken, web::serve::StopOn::Request).err().unwrap();
    assert!(error.to_string().contains(&taken), "{error}");
}

/// The head of a form with files, from an address behind a proxy.
fn form_head(address: &str, length: usize) -> String {
    format!(
        "POST /verify HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {address}\r\nconnection: close\r\ncontent-type: \
         multipart/form-data; boundary=b\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Sends a form of a few bytes whole, and returns the head of the answer and as much of the rest as came with it.
fn small_form(server: &Server, address: &str) -> String {
    let body = "--b\r\ncontent-disposition: form-data; name=\"pasted\"\r\n\r\nno receipt\r\n--b--\r\n";
    let mut stream = TcpStream::connect(server.running.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(format!("{}{body}", form_head(address, body.len())).as_bytes()).unwrap();
    let (mut answer, mut piece) = (String::new(), [0; 16 << 10]);
    while !answer.contains("</h1>") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{answer}");
        answer.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    answer
}

#[test]
fn repro_forms_that_trickle_from_some_addresses_keep_nobody_else_waiting() {
    let server = Server::start();
    let trickle = |address: &str| {
        let mut stream = TcpStream::connect(server.running.address()).unwrap();
        stream.write_all(format!("{}--b", form_head(address, 24 << 20)).as_bytes()).unwrap();
        stream
    };
    // Room for two of these at most, were it set aside by what they announce.
    let mut held: Vec<_> = (0..8).map(|place| trickle(&format!("10.0.0.{}", place / ADDRESS_FORMS_MAX))).collect();
    let begun = Instant::now();
    let refused = loop {
        let answer = small_form(&server, "10.0.0.3");
        if answer.starts_with("HTTP/1.1 503") {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "none of the others' has a place: {answer}");
        // This form was faster than one of those, which found its place taken.
        held.push(trickle("10.0.0.3"));
        thread::sleep(Duration::from_millis(50));
    };
    assert!(refused.contains("retry-after: 5\r\n"), "{refused}");
    let begun = Instant::now();
    let answer = small_form(&server, "10.0.0.9");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10), "others waited {:?}", begun.elapsed());
    // Who lets one go has its place again.
    held.clear();
    let begun = Instant::now();
    while !small_form(&server, "10.0.0.3").starts_with("HTTP/1.1 200") {
        assert!(begun.elapsed() < Duration::from_secs(20), "no place is free again");
    }
}
