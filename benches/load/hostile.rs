//! What strangers send to a node under load, and what is wrong with what they are told.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use web::api::BODY_TIME_MAX;

/// A stranger's socket is given up after this.
const HOSTILE_TIME_MAX: Duration = Duration::from_secs(20);
/// What a hostile body is told comes within [`BODY_TIME_MAX`] and this: the node shares its cores with those who load it, and
/// the kernel may let a new connection wait.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// A connection that took longer waited for the kernel to offer it again.
const CONNECT_SLOW: Duration = Duration::from_secs(2);
/// How often a stranger whom the kernel does not connect tries.
const CONNECT_TRIES: u32 = 3;
/// What is called a connection that was slow, which the bench's own load does.
pub const CONNECT: &str = "connect";

/// A stranger's request: what it is called, and what of it is sent.
pub struct Hostile {
    pub name: &'static str,
    path: &'static str,
    media: &'static str,
    /// What it announces.
    length: u64,
    body: Vec<u8>,
    /// Between two bytes.
    pause: Duration,
    /// Whether a page may answer it with success: one that says what is wrong with what the form holds.
    pub is_form: bool,
}

/// A form of this many fields, of which the receipt's text is the one that is pasted.
fn form(fields: usize, text: &[u8]) -> Vec<u8> {
    let mut body = vec![];
    for number in 0..fields {
        let name = if number == 0 { "pasted".to_owned() } else { format!("field-{number}") };
        body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
        body.extend(text);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

/// Requests that waste what they can: huge, slow, deep, truncated, of the wrong type, of too many parts.
pub fn hostile_requests() -> Vec<Hostile> {
    let (bytes, verify) = ("application/octet-stream", "multipart/form-data; boundary=edge");
    let plain = |name, path, media, length, body: Vec<u8>| {
        let pause = Duration::ZERO;
        Hostile { name, path, media, length, body, pause, is_form: false }
    };
    let whole = |name, path, media, body: Vec<u8>| plain(name, path, media, body.len() as u64, body);
    let slow = |hostile: Hostile| Hostile { pause: Duration::from_secs(1), ..hostile };
    let deep = vec![b'['; 1 << 16];
    vec![
        plain("huge", "/v1/transactions", bytes, 8 << 30, vec![0; 1 << 20]),
        slow(plain("slow", "/v1/transactions", bytes, 1_000, vec![0; 15])),
        whole("deep", "/v1/plans", "application/json", deep.clone()),
        plain("truncated", "/v1/transactions", bytes, 1_000, vec![0; 10]),
        whole("wrong type", "/v1/transactions", "text/html", b"hello".to_vec()),
        plain("huge form", "/verify", verify, 8 << 30, vec![0; 1 << 20]),
        slow(plain("slow form", "/verify", verify, 1_000, form(1, b"x")[..15].to_vec())),
        Hostile { is_form: true, ..whole("deep form", "/verify", verify, form(1, &deep)) },
        plain("cut form", "/verify", verify, 1_000, form(1, b"{}")[..40].to_vec()),
        whole("no form", "/verify", bytes, b"hello".to_vec()),
        whole("many fields", "/verify", verify, form(10_000, b"x")),
        whole("no parts", "/verify", verify, vec![b'-'; 1 << 16]),
    ]
}

/// Connects a stranger, who tries again where the kernel has no room for so many at once.
fn connect(node: &str) -> Option<TcpStream> {
    let address = node.parse().unwrap();
    (0..CONNECT_TRIES).find_map(|_| TcpStream::connect_timeout(&address, HOSTILE_TIME_MAX).ok())
}

/// Sends a hostile request. What the node answered.
fn attack(mut stream: TcpStream, hostile: &Hostile) -> String {
    let Hostile { path, media, length, body, pause, .. } = hostile;
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n");
    stream.set_read_timeout(Some(HOSTILE_TIME_MAX)).unwrap();
    stream.set_write_timeout(Some(HOSTILE_TIME_MAX)).unwrap();
    let mut sent = stream.write_all(head.as_bytes());
    let piece = if pause.is_zero() { 1 << 16 } else { 1 };
    for part in body.chunks(piece) {
        if sent.is_err() {
            break;
        }
        sent = stream.write_all(part);
        thread::sleep(*pause);
    }
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = [0; 12];
    let answered = stream.read_exact(&mut answer).map(|()| String::from_utf8_lossy(&answer[9..]).into_owned());
    answered.unwrap_or_else(|_| "closed".into())
}

/// What hostile requests were told, with the seconds that each took.
pub type Told = BTreeMap<(&'static str, String), Vec<f64>>;

/// One stranger: every kind of hostile request, again and again, each on a connection of its own.
pub fn stranger<'r>(node: &str, requests: impl Iterator<Item = &'r Hostile>, until: Instant, told: &Mutex<Told>) {
    let note = |what, answer, since: Instant| {
        let seconds = since.elapsed().as_secs_f64();
        told.lock().unwrap().entry((what, answer)).or_default().push(seconds);
    };
    for hostile in requests {
        let started = Instant::now();
        if started >= until {
            break;
        }
        let connected = connect(node);
        if started.elapsed() > CONNECT_SLOW {
            note(CONNECT, format!("took {} s", started.elapsed().as_secs()), started);
        }
        let started = Instant::now();
        // The answer first: a lock that is taken before is held while the request lasts.
        let answer = connected.map_or_else(|| "no connection".into(), |stream| attack(stream, hostile));
        note(hostile.name, answer, started);
    }
}

/// What is wrong with what a hostile request was told, the longest time among those that were.
pub fn misjudged(what: &str, is_form: bool, answer: &str, longest: f64) -> Option<String> {
    let bound = (BODY_TIME_MAX + ANSWER_MARGIN).as_secs_f64();
    if answer.parse::<u16>().is_err() {
        return Some(format!("a hostile body, {what}, was not answered: {answer}"));
    }
    if ["202", "500"].contains(&answer) || answer == "200" && !is_form {
        return Some(format!("a hostile body, {what}, got {answer}"));
    }
    (longest > bound)
        .then(|| format!("a hostile body, {what}, got {answer} after {longest:.1} s, not within {bound} s"))
}
