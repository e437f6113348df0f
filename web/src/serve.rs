//! Running servers: the ledger's API with its block driver, and a committee member's endpoint.

use std::{
    future::{Future, Ready},
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    middleware::from_fn,
    rt::System,
    web::{Data, ServiceConfig},
};
use tokio::sync::watch;

use crate::{
    Error,
    api::{self, CONNECTIONS_MAX, HEAD_TIME_MAX, SHUTDOWN_SECONDS_MAX, Service, WORKERS},
    driver::{Pace, drive},
    member::{self, MemberService, Turns},
};

/// Who ends a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOn {
    /// SIGINT, SIGTERM and SIGQUIT, or [`Running::stop`].
    Signals,
    /// [`Running::stop`] alone.
    Request,
}

/// A server that runs in a thread of its own.
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Running {
    /// Where it listens; the port is the one taken when port 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until a signal ends it: requests in progress finish, and so does the block being made.
    ///
    /// # Errors
    /// [`Error::Internal`] when it ended with a failure.
    pub fn wait(mut self) -> Result<(), Error> {
        self.join()
    }

    /// Ends it: requests in progress finish, and so does the block being made.
    ///
    /// # Errors
    /// As [`Running::wait`].
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        // The server's thread drives the stop; this only asks for it.
        drop(self.handle.stop(true));
        self.join()
    }

    fn join(&mut self) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let panicked = |_| Err(Error::Internal { action: "serve", why: "its thread panicked".into() });
        thread.join().unwrap_or_else(panicked)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "a server ended with a failure");
        }
    }
}

/// Serves a ledger's API on an address such as `127.0.0.1:8080`, makes blocks at a pace and keeps the index.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be taken, [`Error::Market`] when the index cannot follow.
pub fn serve(service: Service, address: &str, pace: Pace, stop_on: StopOn) -> Result<Running, Error> {
    service.index.follow(service.chain.ledger())?;
    let (chain, index) = (Arc::clone(&service.chain), Arc::clone(&service.index));
    let service = Data::new(service);
    let (stop, stopped) = watch::channel(false);
    let driver = async move { drive(chain, index, pace, stopped).await };
    start(address, stop_on, Some((stop, driver)), move |config| {
        config.app_data(service.clone()).configure(api::configure);
    })
}

/// Serves a committee member's endpoint.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be taken.
pub fn serve_member(service: MemberService, address: &str, stop_on: StopOn) -> Result<Running, Error> {
    let (service, turns) = (Data::new(service), Data::new(Turns::default()));
    let no_driver: Option<(watch::Sender<bool>, Ready<()>)> = None;
    start(address, stop_on, no_driver, move |config| {
        config.app_data(service.clone()).app_data(turns.clone()).configure(member::configure);
    })
}

/// Takes the address here, so that its failure is the caller's, and serves in a new thread.
fn start(
    address: &str,
    stop_on: StopOn,
    driver: Option<(watch::Sender<bool>, impl Future<Output = ()> + Send + 'static)>,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, Error> {
    let failed = |source| Error::Listen { address: address.into(), source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (tell, told) = mpsc::channel();
    let thread = thread::Builder::new().name("locus-server".into()).spawn(move || {
        System::new().block_on(async move {
            let server = server(listener, stop_on, configure)?;
            // Nobody listens only when the caller is gone, and then nobody asks the server to stop either.
            let _ = tell.send(server.handle());
            let driver = driver.map(|(stop, driver)| (stop, actix_web::rt::spawn(driver)));
            let outcome = server.await;
            if let Some((stop, driver)) = driver {
                let _ = stop.send(true);
                driver.await.map_err(|error| Error::Internal { action: "make blocks", why: error.to_string() })?;
            }
            outcome.map_err(|error| Error::Internal { action: "serve", why: error.to_string() })
        })
    });
    let thread = thread.map_err(|error| Error::Internal { action: "start a thread", why: error.to_string() })?;
    match told.recv() {
        Ok(handle) => Ok(Running { address, handle, thread: Some(thread) }),
        Err(_) => match thread.join() {
            Ok(Err(error)) => Err(error),
            _ => Err(Error::Internal { action: "serve", why: "its thread ended at once".into() }),
        },
    }
}

/// A server with every bound set.
fn server(
    listener: TcpListener,
    stop_on: StopOn,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Server, Error> {
    let app = move || App::new().wrap(from_fn(api::answer)).wrap(from_fn(api::observe)).configure(configure.clone());
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_TIME_MAX)
        .shutdown_timeout(SHUTDOWN_SECONDS_MAX);
    let server = match stop_on {
        StopOn::Signals => server,
        StopOn::Request => server.disable_signals(),
    };
    let listening = server.listen(listener);
    Ok(listening.map_err(|source| Error::Listen { address: "the port taken".into(), source })?.run())
}
