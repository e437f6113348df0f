//! A line to a server that can be cut, and that can fall silent.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    thread,
};

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const SILENT: u8 = 2;

/// A line to the node.
pub struct Line {
    pub url: String,
    state: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 1 << 14];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

impl Line {
    pub fn to(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (state, open) = (Arc::new(AtomicU8::new(WHOLE)), Arc::new(Mutex::new(vec![])));
        let (now, held) = (Arc::clone(&state), Arc::clone(&open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                match now.load(Ordering::SeqCst) {
                    WHOLE => drop(Self::join(client, &server, &held)),
                    SILENT => held.lock().unwrap_or_else(PoisonError::into_inner).push(client),
                    _ => drop(client),
                }
            }
        });
        Self { url, state, open }
    }

    fn join(client: TcpStream, server: &str, held: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
        let node = TcpStream::connect(server)?;
        held.lock().unwrap_or_else(PoisonError::into_inner).push(client.try_clone()?);
        let (there, back) = ((client.try_clone()?, node.try_clone()?), (node, client));
        thread::spawn(move || pump(there.0, there.1));
        thread::spawn(move || pump(back.0, back.1));
        Ok(())
    }

    fn pass_into(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
        for client in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            drop(client.shutdown(Shutdown::Both));
        }
    }

    /// Cuts the line, or mends it.
    pub fn cut(&self, is_cut: bool) {
        self.pass_into(if is_cut { CUT } else { WHOLE });
    }

    /// From here on connections are taken, and nothing ever comes back on them.
    pub fn fall_silent(&self) {
        self.pass_into(SILENT);
    }
}
