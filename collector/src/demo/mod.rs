//! `datastreams demo`: a whole pipeline on one machine. A mock Kafka and four C services run as processes, the
//! collector in this one; at the end, the latencies are printed beside the delays that were put in.

mod children;
mod plan;
mod programs;
mod report;

use crate::collect::limits::Limits;
use crate::collect::server::{self, Shared};
use crate::store::{self, Store};
use crate::view::View;
use crate::{cli, clock, output, table};
use children::{Children, Heard};
use plan::Service;
use report::{Report, Said};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};

/// How long the processes may take to be ready: the groups are formed after three seconds.
const READY: Duration = Duration::from_secs(30);
/// How long the last messages may take to reach the end, beside the delays that are put in.
const DRAIN: Duration = Duration::from_secs(10);
/// How often services send statistics, in seconds, and how often the last of them are looked for.
const FLUSH: u32 = 1;
const LOOK: Duration = Duration::from_millis(200);

pub(crate) fn run(options: &cli::Demo) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(format!("cannot start: {error}"), 1),
    };
    let done = runtime.block_on(async {
        let mut demo = Demo::new(options)?;
        let done = demo.run().await;
        // On the good way nothing is left.
        demo.children.kill().await;
        done
    });
    runtime.shutdown_background();
    match done {
        Ok(report) => tell(&report, options.json),
        Err(sentence) => output::fail(sentence, 1),
    }
}

fn tell(report: &Report, json: bool) -> ExitCode {
    if !json {
        output::line(report);
    } else {
        match serde_json::to_string_pretty(report) {
            Ok(json) => output::line(json),
            Err(error) => return output::fail(error, 1),
        }
    }
    ExitCode::from(u8::from(!report.ok))
}

/// Why it ends before its time.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

struct Demo<'a> {
    options: &'a cli::Demo,
    programs: PathBuf,
    shared: Arc<Shared>,
    children: Children,
    said: Said,
    interrupts: Interrupts,
}

impl<'a> Demo<'a> {
    fn new(options: &'a cli::Demo) -> Result<Self, String> {
        let hear = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        Ok(Self {
            options,
            programs: programs::find(options.examples.as_deref())?,
            shared: Arc::new(Shared::new(Limits::DEFAULT, Store::open(Limits::DEFAULT, None, None, clock::now_ns())?)),
            children: Children::new(),
            said: Said::new(),
            interrupts: Interrupts {
                interrupt: hear(SignalKind::interrupt())?,
                terminate: hear(SignalKind::terminate())?,
            },
        })
    }

    async fn run(&mut self) -> Result<Report, String> {
        let agent = self.collector().await?;
        let kafka = self.start_kafka().await?;
        self.progress(format!(
            "Kafka at {kafka}, the collector at {agent}\n\
             orders -> payments (works {} ms) -> ledger (takes payments {} ms old) and mailer ({} ms old)",
            plan::WORK_MS,
            plan::LEDGER_MS,
            plan::MAILER_MS
        ));
        self.start_consumers(&kafka, &agent).await?;
        self.produce(&kafka, &agent).await?;
        self.drain().await?;
        self.end().await?;
        let view = self.view()?;
        Ok(report::report(&view, &self.said, self.options.tolerance_ms))
    }

    /// What the collector knows by now.
    fn view(&self) -> Result<View, String> {
        report::view(&self.shared.store, clock::now_ns()).map_err(|error| store::unreadable(&error))
    }

    /// Writes what was taken; in memory it is a matter of room alone.
    fn commit(&self) {
        if let Err(sentence) = self.shared.store.commit(clock::now_ns()) {
            output::note(sentence);
        }
    }

    /// Starts the collector on a free port.
    async fn collector(&self) -> Result<String, String> {
        let cannot = |error| format!("cannot listen on 127.0.0.1: {error}");
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let agent = format!("http://{}", listener.local_addr().map_err(cannot)?);
        let router = server::router(self.shared.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                output::note(format!("the collector stopped: {error}"));
            }
        });
        Ok(agent)
    }

    /// Starts Kafka; returns where it is.
    async fn start_kafka(&mut self) -> Result<String, String> {
        let program = self.programs.join(plan::KAFKA);
        self.children.start(plan::KAFKA, &program, &plan::TOPICS.map(String::from))?;
        let mut kafka = String::new();
        self.wait(|heard| {
            kafka = heard.into();
            true
        })
        .await?;
        Ok(kafka)
    }

    /// Starts the services that wait for messages. Orders that came before these are ready would wait in Kafka, and be
    /// measured so.
    async fn start_consumers(&mut self, kafka: &str, agent: &str) -> Result<(), String> {
        for service in &plan::CONSUMERS {
            self.start(service, kafka, agent, &[])?;
        }
        let mut waiting = plan::CONSUMERS.len();
        self.wait(|heard| {
            waiting -= usize::from(heard == "ready");
            waiting == 0
        })
        .await
    }

    fn start(&mut self, service: &Service, kafka: &str, agent: &str, more: &[String]) -> Result<(), String> {
        let common = [("--service", service.name), ("--brokers", kafka), ("--agent", agent), ("--stdin", "watch")];
        let common = common.into_iter().flat_map(|(name, value)| [name.into(), value.into()]);
        let flush = ["--flush-every".into(), FLUSH.to_string()];
        let own = service.arguments.iter().flat_map(|(name, value)| [String::from(*name), value.to_string()]);
        let arguments: Vec<String> = common.chain(flush).chain(own).chain(more.iter().cloned()).collect();
        self.children.start(service.name, &self.programs.join(service.program), &arguments)
    }

    /// Listens until `enough`.
    async fn wait(&mut self, mut enough: impl FnMut(&str) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + READY;
        loop {
            let heard = tokio::select! {
                heard = self.children.hear() => heard,
                () = self.interrupts.next() => return Err("interrupted".into()),
                () = tokio::time::sleep_until(deadline) => {
                    return Err(format!("the services were not ready within {} s", READY.as_secs()));
                }
            };
            match heard {
                Heard { line: Some(line), .. } if enough(&line) => return Ok(()),
                Heard { line: Some(_), .. } => {}
                Heard { name, line: None } => return Err(self.early(name).await),
            }
        }
    }

    /// Lets orders come until the time is up or a signal comes, and shows the table meanwhile.
    async fn produce(&mut self, kafka: &str, agent: &str) -> Result<(), String> {
        let seconds = self.options.seconds.unwrap_or(0);
        self.progress(match seconds {
            0 => format!("{} orders a second come until Ctrl-C\n", plan::RATE),
            _ => format!("{} orders a second come for {seconds} s\n", plan::RATE),
        });
        self.start(&plan::ORDERS, kafka, agent, &["--seconds".into(), seconds.to_string()])?;
        let mut ticks = tokio::time::interval(self.options.print);
        ticks.tick().await;
        let mut interrupted = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let table = table::table(&self.shared.store, clock::now_ns());
                    let table = table.map_err(|error| store::unreadable(&error))?;
                    self.commit();
                    self.progress(table);
                }
                () = self.interrupts.next() => {
                    if interrupted {
                        return Err("interrupted".into());
                    }
                    // The messages under way still arrive.
                    interrupted = true;
                    self.children.tell_to_end(plan::ORDERS.name);
                }
                heard = self.children.hear() => match heard {
                    Heard { name, line: Some(line) } => self.note(name, &line),
                    Heard { name, line: None } if name == plan::ORDERS.name => return self.children.end(name).await,
                    Heard { name, line: None } => return Err(self.early(name).await),
                },
            }
        }
    }

    /// Waits until every order has passed every checkpoint, and the collector knows; not forever: the report tells
    /// what is missing.
    async fn drain(&mut self) -> Result<(), String> {
        let orders = self.said.get(plan::ORDERS.name).copied().unwrap_or(0);
        let slowest = plan::PATHWAYS.iter().flat_map(|pathway| pathway.steps).map(|step| step.delay_ms).sum::<u32>();
        let deadline = Instant::now() + DRAIN + Duration::from_millis(slowest.into());
        loop {
            let view = self.view()?;
            let mut steps = plan::PATHWAYS.iter().flat_map(|pathway| pathway.steps);
            let arrived = steps.all(|step| report::passed(&view, step.service, step.tags) >= orders);
            if arrived || Instant::now() >= deadline {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.interrupts.next() => return Err("interrupted".into()),
            }
        }
    }

    /// Ends the services one after the other, then Kafka.
    async fn end(&mut self) -> Result<(), String> {
        for service in &plan::CONSUMERS {
            self.children.tell_to_end(service.name);
            // Its last words; a service that has none to say is killed by `end`.
            let last = async {
                loop {
                    match self.children.hear().await {
                        Heard { name, line: Some(line) } => note(&mut self.said, name, &line),
                        Heard { name, line: None } if name == service.name => return,
                        Heard { .. } => {}
                    }
                }
            };
            let _ = timeout(children::FAREWELL, last).await;
            self.children.end(service.name).await?;
        }
        self.children.end(plan::KAFKA).await
    }

    async fn early(&mut self, name: &str) -> String {
        match self.children.end(name).await {
            Ok(()) => format!("{name} ended early"),
            Err(how) => how,
        }
    }

    fn note(&mut self, name: &'static str, line: &str) {
        note(&mut self.said, name, line);
    }

    fn progress(&self, text: impl std::fmt::Display) {
        if !self.options.json {
            output::line(text);
        }
    }
}

/// `produced 60`: how many messages a service handled.
fn note(said: &mut Said, name: &'static str, line: &str) {
    if let Some(count) = line.rsplit(' ').next().and_then(|word| word.parse().ok()) {
        said.insert(name, count);
    }
}
