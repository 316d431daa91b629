//! `datastreams collect`.

pub(crate) mod access;
mod bodies;
pub(crate) mod connections;
mod events;
pub(crate) mod guard;
pub(crate) mod intake;
pub(crate) mod limits;
pub(crate) mod listen;
pub(crate) mod reading;
pub(crate) mod repeats;
pub(crate) mod server;
pub(crate) mod upstream;

use crate::export::otlp;
use crate::store::{self, Store};
use crate::{cli, clock, output, table};
use access::{Access, Token};
use connections::Places;
use guard::Via;
use limits::Limits;
use server::Shared;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use upstream::Upstream;

/// How often what was taken is written.
const COMMIT: Duration = Duration::from_secs(1);
/// How long requests may take to end after a signal.
const FAREWELL: Duration = Duration::from_secs(2);
/// The variable that holds the token.
const TOKEN: &str = "DATASTREAMS_TOKEN";

pub(crate) fn run(options: &cli::Collect) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(format!("cannot start: {error}"), 1),
    };
    let done = runtime.block_on(collect(options));
    // A payload that is being read now is not waited for.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => output::fail(sentence, 1),
    }
}

async fn collect(options: &cli::Collect) -> Result<(), String> {
    let (mut interrupt, mut terminate) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    let otlp = otlp::Config::new(&options.otlp, |name| std::env::var(name).ok())?;
    let limits = Limits::DEFAULT;
    let store = Store::open(limits, options.data.as_deref(), options.data_max, clock::now_ns())?;
    let mut access = Access::new(&options.allow_host, token(options)?, options.token_for_posts)?;
    let upstream = options.upstream.as_deref().map(|url| Upstream::new(url, limits)).transpose()?;
    let tcp = listen::tcp(&options.listen).await?;
    let addresses: Vec<SocketAddr> = tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    access.listen(&options.listen.host, &addresses);
    if let Some(upstream) = &upstream {
        not_itself(upstream, &addresses).await?;
    }
    let unix = options.unix.as_deref().map(listen::unix).transpose()?;
    let whole = |path: &Path| path.canonicalize().ok();
    if let (Some((_, own)), Some(agent)) = (&unix, upstream.as_ref().and_then(Upstream::socket))
        && whole(own.path()).is_some_and(|own| whole(agent) == Some(own))
    {
        return Err(itself(own.path().display()));
    }
    if !access.has_token() && addresses.iter().any(|address| !address.ip().is_loopback()) {
        output::note("everybody who reaches this address can read and post: set a token with --token-file");
    }

    let shared = Arc::new(Shared::new(limits, store, access, upstream));
    let exporter = match (otlp, addresses.first()) {
        (Some(config), Some(&address)) => Some(otlp::Exporter::new(config, shared.clone(), address)?),
        _ => None,
    };
    let router = server::router(shared.clone());
    let places = Places::new(limits);
    let (stop, stopped) = watch::channel(());
    let mut serving = tokio::task::JoinSet::new();
    for (listener, address) in tcp.into_iter().zip(addresses) {
        serving.spawn(connections::serve(listener, Via::Tcp, router.clone(), places.clone(), stopped.clone()));
        output::line(format!("listening on http://{address}"));
    }
    let _socket = unix.map(|(socket, guard)| {
        serving.spawn(connections::serve(socket, Via::Unix, router, places, stopped.clone()));
        output::line(format!("listening on unix://{}", guard.path().display()));
        guard
    });
    let (last, ending) = watch::channel(());
    let exporting = exporter.map(|exporter| {
        output::line(format!("sending to {}", exporter.target()));
        tokio::spawn(exporter.run(ending))
    });
    let serves = shared.clone();
    let writing = Writer::start(shared.clone())?;
    if let Some(every) = options.print {
        serving.spawn(print(shared, every, stopped));
    }

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = input_ended(options.stdin) => {}
    }
    serves.end();
    drop(stop);
    let _ = tokio::time::timeout(FAREWELL, async { while serving.join_next().await.is_some() {} }).await;
    // Nothing comes any more: what came is written, and sent.
    writing.end();
    drop(last);
    if let Some(exporting) = exporting {
        let _ = exporting.await;
    }
    Ok(())
}

/// Waits for the end of standard input, where that matters; else for ever.
async fn input_ended(stdin: cli::Stdin) {
    if stdin == cli::Stdin::Ignore {
        return std::future::pending().await;
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let read = move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = tell.send(());
    };
    // Not one of the runtime's, which would wait for it. Without a thread it is as if nobody held the other end.
    if std::thread::Builder::new().name("stdin".into()).spawn(read).is_ok() {
        let _ = told.await;
    }
}

/// The thread that writes the history, once a second.
struct Writer {
    thread: std::thread::JoinHandle<()>,
    stop: std::sync::mpsc::Sender<()>,
}

impl Writer {
    fn start(shared: Arc<Shared>) -> Result<Self, String> {
        let (stop, stopped) = std::sync::mpsc::channel();
        let write = move || {
            loop {
                // At the end once more.
                let last = stopped.recv_timeout(COMMIT) != Err(std::sync::mpsc::RecvTimeoutError::Timeout);
                if let Err(sentence) = shared.store.commit(clock::now_ns()) {
                    output::note(sentence);
                }
                if last {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("history".into()).spawn(write);
        Ok(Self { thread: thread.map_err(|error| format!("cannot start a thread: {error}"))?, stop })
    }

    fn end(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

fn hear(kind: SignalKind) -> Result<tokio::signal::unix::Signal, String> {
    signal(kind).map_err(|error| format!("cannot wait for signals: {error}"))
}

/// The token from its file or variable. Not from an option: everybody on the machine can read those.
fn token(options: &cli::Collect) -> Result<Option<Token>, String> {
    let (text, from) = match &options.token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            (text.map_err(|error| format!("cannot read the token in {}: {error}", path.display()))?, "--token-file")
        }
        None => match std::env::var_os(TOKEN) {
            Some(text) => (text.to_string_lossy().into_owned(), TOKEN),
            None if options.token_for_posts => {
                return Err(format!("--token-for-posts needs a token: --token-file PATH, or the variable {TOKEN}"));
            }
            None => return Ok(None),
        },
    };
    Token::new(&text).map(Some).map_err(|reason| format!("{from}: {reason}"))
}

/// Fails when everything would be passed on to this collector itself.
async fn not_itself(upstream: &Upstream, own: &[SocketAddr]) -> Result<(), String> {
    let Some((host, port)) = upstream.tcp() else { return Ok(()) };
    // Now or later: an agent that is not known yet may come.
    let Ok(mut found) = tokio::net::lookup_host((host, port)).await else { return Ok(()) };
    let is_own = |there: SocketAddr| {
        own.iter().any(|own| {
            let meets = own.ip() == there.ip() || (own.ip().is_unspecified() && there.ip().is_loopback());
            own.port() == there.port() && meets
        })
    };
    match found.find(|&there| is_own(there)) {
        Some(there) => Err(itself(there)),
        None => Ok(()),
    }
}

fn itself(there: impl std::fmt::Display) -> String {
    format!("--upstream leads to this collector itself, on {there}: give an agent's address")
}

/// Ends when the sender is dropped.
async fn until(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

async fn print(shared: Arc<Shared>, every: Duration, stopped: watch::Receiver<()>) {
    let mut stopped = std::pin::pin!(until(stopped));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = &mut stopped => return,
        }
        let shared = shared.clone();
        // A reader that pauses (a pager, Ctrl-S) holds up the table, and nothing else.
        let writing = tokio::task::spawn_blocking(move || match table::table(&shared.store, clock::now_ns()) {
            Ok(table) => output::line(table),
            Err(error) => output::note(store::unreadable(&error)),
        });
        tokio::select! {
            _ = writing => {}
            () = &mut stopped => return,
        }
    }
}
