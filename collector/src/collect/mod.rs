//! `datastreams collect`.

mod events;
pub(crate) mod intake;
pub(crate) mod limits;
mod listen;
mod reading;
pub(crate) mod repeats;
pub(crate) mod server;

use crate::store::{self, Store};
use crate::{cli, clock, output, table};
use limits::Limits;
use server::Shared;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often what was taken is written.
const COMMIT: Duration = Duration::from_secs(1);
/// How long requests may take to end after a signal.
const FAREWELL: Duration = Duration::from_secs(2);

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
    let store = Store::open(Limits::DEFAULT, options.data.as_deref(), options.data_max, clock::now_ns())?;
    let shared = Arc::new(Shared::new(Limits::DEFAULT, store));
    let router = server::router(shared.clone());
    let tcp = listen::tcp(options.listen).await?;
    let address = tcp.local_addr().map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let unix = options.unix.as_deref().map(listen::unix).transpose()?;

    let (stop, stopped) = watch::channel(());
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(serve(axum::serve(tcp, router.clone()).with_graceful_shutdown(until(stopped.clone()))));
    output::line(format!("listening on http://{address}"));
    let _socket = unix.map(|(socket, guard)| {
        serving.spawn(serve(axum::serve(socket, router).with_graceful_shutdown(until(stopped.clone()))));
        output::line(format!("listening on unix://{}", guard.path().display()));
        guard
    });
    let ending = shared.clone();
    let writing = Writer::start(shared.clone())?;
    if let Some(every) = options.print {
        serving.spawn(print(shared, every, stopped));
    }

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    ending.end();
    drop(stop);
    let _ = tokio::time::timeout(FAREWELL, async { while serving.join_next().await.is_some() {} }).await;
    writing.end();
    Ok(())
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

async fn serve(serving: impl IntoFuture<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        output::note(format!("the server stopped: {error}"));
    }
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
