//! Running servers: the ledger's API with the index that follows it, and a committee member's endpoint.

use std::{
    future::{self, Future, Ready},
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
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
use market::jobs::Duty;
use node::consensus::EngineHandle;
use tokio::{select, sync::watch, task};

use crate::{
    Error,
    api::{
        self, BLOCKING_THREADS_MAX, CONNECTIONS_MAX, Encrypted, HEAD_TIME_MAX, LINGER_TIME_MAX, SHUTDOWN_SECONDS_MAX,
        Service, Streams, WORKERS,
    },
    chain::Chain,
    duties::Duties,
    member::{self, MemberService, Turns},
    pages,
    patient::PatientPages,
    sign_in::{Origin, refuse_cross_site},
    stop::Signals,
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
    /// Ends the answers that would go on for as long as somebody reads.
    stopping: watch::Sender<bool>,
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

    /// Waits until a signal ends it: requests in progress finish, and the index follows the last block.
    ///
    /// # Errors
    /// [`Error::Internal`] when it ended with a failure.
    pub fn wait(mut self) -> Result<(), Error> {
        self.join()
    }

    /// Ends it: requests in progress finish, and the index follows the last block.
    ///
    /// # Errors
    /// As [`Running::wait`].
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        self.stopping.send_replace(true);
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

/// Serves a ledger's API on an address such as `127.0.0.1:8080` and keeps the index. Ends when the node's engine does.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be taken, [`Error::Market`] when the index cannot follow.
pub fn serve(service: Service, address: &str, stop_on: StopOn) -> Result<Running, Error> {
    serve_with_duties(service, vec![], address, stop_on)
}

/// The same, with jobs that this node does beside following its ledger in the index.
///
/// # Errors
/// As [`serve`].
pub fn serve_with_duties(
    service: Service,
    duties: Vec<Arc<dyn Duty>>,
    address: &str,
    stop_on: StopOn,
) -> Result<Running, Error> {
    let duties = Duties::start(&service, duties)?;
    let (chain, engine) = (Arc::clone(&service.chain), service.engine.clone());
    let origin = Origin::of_url(service.publishing.identity.public_url());
    let encrypted = origin.is_ok_and(|origin| origin.is_secure()).then_some(Encrypted);
    let service = Data::new(service);
    let (stop, stopped) = watch::channel(false);
    let follower = async move { follow(chain, duties, engine, stopped).await };
    let stopping = watch::Sender::new(false);
    let streams = Data::new(Streams::new(stopping.subscribe()));
    let handed = Data::new(pages::Handed::default());
    let (listener, address) = listen(address)?;
    start_on(listener, address, (stop_on, stopping), Some((stop, follower)), move |config| {
        config
            .app_data(service.clone())
            .app_data(streams.clone())
            .app_data(handed.clone())
            .configure(api::configure)
            .configure(pages::configure);
        encrypted.map(|encrypted| config.app_data(encrypted));
    })
}

/// Tells the duties of each block until told to stop or the engine ends, and then ends them.
async fn follow(chain: Arc<Chain>, duties: Duties, engine: Option<EngineHandle>, mut stop: watch::Receiver<bool>) {
    let mut heights = chain.ledger().watch();
    let ended = async {
        match &engine {
            Some(engine) => engine.ended().await,
            None => future::pending().await,
        }
    };
    let mut ended = pin!(ended);
    let duties = Arc::new(duties);
    loop {
        select! {
            changed = heights.changed() => if changed.is_err() { break },
            () = &mut ended => break,
            _ = stop.wait_for(|stopped| *stopped) => break,
        }
        let duties = Arc::clone(&duties);
        if let Err(error) = task::spawn_blocking(move || duties.block_arrived()).await {
            tracing::error!(%error, "the duties stumbled over a block");
        }
    }
    if let Err(error) = task::spawn_blocking(move || duties.stop()).await {
        tracing::error!(%error, "the duties did not end in order");
    }
}

/// Serves a committee member's endpoint.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be taken.
pub fn serve_member(service: MemberService, address: &str, stop_on: StopOn) -> Result<Running, Error> {
    let (service, turns) = (Data::new(service), Data::new(Turns::default()));
    let no_follower: Option<(watch::Sender<bool>, Ready<()>)> = None;
    let (listener, address) = listen(address)?;
    start_on(listener, address, (stop_on, watch::Sender::new(false)), no_follower, move |config| {
        config.app_data(service.clone()).app_data(turns.clone()).configure(member::configure);
    })
}

/// Serves people's pages on an address. They are made once the address is taken, since their own is part of them.
///
/// # Errors
/// [`Error::Listen`] when the address cannot be taken, and whatever `pages` returns.
pub fn serve_patients(
    address: SocketAddr,
    stop_on: StopOn,
    pages: impl FnOnce(SocketAddr) -> Result<PatientPages, Error>,
) -> Result<(Running, Arc<PatientPages>), Error> {
    let (listener, address) = listen(&address.to_string())?;
    let pages = Arc::new(pages(address)?);
    let data = Data::from(Arc::clone(&pages));
    let encrypted = pages.origin().is_secure().then_some(Encrypted);
    let no_follower: Option<(watch::Sender<bool>, Ready<()>)> = None;
    let running = start_on(listener, address, (stop_on, watch::Sender::new(false)), no_follower, move |config| {
        config.app_data(data.clone()).configure(pages::patient::configure);
        encrypted.map(|encrypted| config.app_data(encrypted));
    })?;
    Ok((running, pages))
}

/// Takes the address here, so that its failure is the caller's.
fn listen(address: &str) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address: address.into(), source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves in a new thread.
fn start_on(
    listener: TcpListener,
    address: SocketAddr,
    (stop_on, stopping): (StopOn, watch::Sender<bool>),
    follower: Option<(watch::Sender<bool>, impl Future<Output = ()> + Send + 'static)>,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, Error> {
    let (tell, told) = mpsc::channel();
    let asked = stopping.clone();
    let thread = thread::Builder::new().name("locus-server".into()).spawn(move || {
        System::new().block_on(async move {
            let server = server(listener, stop_on, configure)?;
            // Nobody listens only when the caller is gone, and then nobody asks the server to stop either.
            let _ = tell.send(server.handle());
            let handle = server.handle();
            if stop_on == StopOn::Signals {
                let failed = |error: io::Error| Error::Internal { action: "heed signals", why: error.to_string() };
                let mut signals = Signals::listen().map_err(failed)?;
                let asked = asked.clone();
                // The server itself heeds them too, and then waits for answers that go on.
                actix_web::rt::spawn(async move {
                    signals.next().await;
                    asked.send_replace(true);
                });
            }
            let follower = follower.map(|(stop, follower)| {
                let follower = async move {
                    follower.await;
                    // It ends before the server only when there is nothing left to serve.
                    asked.send_replace(true);
                    handle.stop(true).await;
                };
                (stop, actix_web::rt::spawn(follower))
            });
            let outcome = server.await;
            if let Some((stop, follower)) = follower {
                let _ = stop.send(true);
                follower.await.map_err(|error| Error::Internal { action: "follow blocks", why: error.to_string() })?;
            }
            outcome.map_err(|error| Error::Internal { action: "serve", why: error.to_string() })
        })
    });
    let thread = thread.map_err(|error| Error::Internal { action: "start a thread", why: error.to_string() })?;
    match told.recv() {
        Ok(handle) => Ok(Running { address, handle, stopping, thread: Some(thread) }),
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
    let app = move || {
        App::new()
            .wrap(from_fn(refuse_cross_site))
            .wrap(from_fn(pages::cross_site_as_page))
            .wrap(from_fn(api::head_as_get))
            .wrap(from_fn(api::answer))
            .wrap(from_fn(api::observe))
            .configure(configure.clone())
    };
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .worker_max_blocking_threads(BLOCKING_THREADS_MAX)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_TIME_MAX)
        .client_disconnect_timeout(LINGER_TIME_MAX)
        .shutdown_timeout(SHUTDOWN_SECONDS_MAX);
    let server = match stop_on {
        StopOn::Signals => server,
        StopOn::Request => server.disable_signals(),
    };
    let listening = server.listen(listener);
    Ok(listening.map_err(|source| Error::Listen { address: "the port taken".into(), source })?.run())
}
