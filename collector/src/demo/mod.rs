//! `datastreams demo`: a whole pipeline on one machine. A mock Kafka, services in C, Go and Python, and the collector run
//! as processes; at the end, the latencies are printed beside the delays that were put in.

mod children;
mod plan;
mod programs;
mod report;
mod watch;

use crate::{cli, output};
use children::{Children, Heard};
use plan::{Language, Plan, Service};
use programs::Programs;
use report::{Lag, Report, Said};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};
use watch::{Known, Watch};

/// How long the processes may take to be ready: the groups are formed after three seconds.
const READY: Duration = Duration::from_secs(30);
/// How long the last messages may take to reach the end, beside the delays that are put in.
const DRAIN: Duration = Duration::from_secs(10);
/// How often services send statistics, in seconds, and how often the last of them are looked for.
const FLUSH: u32 = 1;
const LOOK: Duration = Duration::from_millis(500);
/// The collector, among the processes.
const COLLECTOR: &str = "collector";

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
    let code = ExitCode::from(u8::from(!report.ok));
    if !json {
        return output::result(report, code);
    }
    match serde_json::to_string_pretty(report) {
        Ok(json) => output::result(json, code),
        Err(error) => output::fail(error, 1),
    }
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
    programs: Programs,
    plan: Plan,
    children: Children,
    said: Said,
    lag: Lag,
    interrupts: Interrupts,
}

impl<'a> Demo<'a> {
    fn new(options: &'a cli::Demo) -> Result<Self, String> {
        let hear = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        let programs = programs::find(options.examples.as_deref())?;
        Ok(Self {
            options,
            plan: Plan::new(programs.go, programs.python),
            programs,
            children: Children::new(),
            said: Said::new(),
            lag: Lag::default(),
            interrupts: Interrupts {
                interrupt: hear(SignalKind::interrupt())?,
                terminate: hear(SignalKind::terminate())?,
            },
        })
    }

    async fn run(&mut self) -> Result<Report, String> {
        let agent = self.start_collector().await?;
        let watch = Watch::new(&agent)?;
        let kafka = self.start_kafka().await?;
        self.progress(watch::told(&agent));
        self.progress(format!("Kafka at {kafka}, and\n{}", self.plan.text()));
        self.programs.missing().iter().for_each(|sentence| self.progress(sentence));
        self.start_consumers(&kafka, &agent).await?;
        self.produce(&kafka, &agent, &watch).await?;
        self.drain(&watch).await?;
        self.end().await?;
        let known = watch.look().await?;
        self.children.end(plan::KAFKA).await?;
        self.children.end(COLLECTOR).await?;
        Ok(report::report(&self.plan, &known, &self.said, self.lag, self.options.tolerance_ms))
    }

    /// Starts the collector, where services look for an agent if nobody is there; returns its address.
    async fn start_collector(&mut self) -> Result<String, String> {
        let this = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let listen = watch::address().to_string();
        let arguments = ["collect", "--listen", &listen, "--stdin", "watch"].map(String::from);
        self.children.start(COLLECTOR, &this, &arguments)?;
        let mut address = None;
        self.wait(|heard| {
            address = heard.strip_prefix("listening on ").map(String::from);
            address.is_some()
        })
        .await?;
        address.ok_or_else(|| "the collector did not say where it listens".into())
    }

    /// Starts Kafka; returns where it is.
    async fn start_kafka(&mut self) -> Result<String, String> {
        let program = self.programs.place.join(plan::KAFKA);
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
        for service in self.plan.consumers.clone() {
            self.start(&service, kafka, agent, &[])?;
        }
        let mut waiting = self.plan.consumers.len();
        self.wait(|heard| {
            waiting -= usize::from(heard == "ready");
            waiting == 0
        })
        .await
    }

    fn start(&mut self, service: &Service, kafka: &str, agent: &str, more: &[String]) -> Result<(), String> {
        let common = [("--service", service.name), ("--brokers", kafka), ("--agent", agent), ("--stdin", "watch")];
        let common = common.into_iter().flat_map(|(name, value)| [name.into(), value.into()]);
        // Go's flags have units.
        let unit = if service.language == Language::Go { "s" } else { "" };
        let flush = ["--flush-every".into(), format!("{FLUSH}{unit}")];
        let own = service.arguments.iter().chain(more).cloned();
        let arguments: Vec<String> = common.chain(flush).chain(own).collect();
        self.children.start(service.name, &self.programs.place.join(service.program), &arguments)
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

    /// Lets orders come until the time is up or a signal comes.
    async fn produce(&mut self, kafka: &str, agent: &str, watch: &Watch) -> Result<(), String> {
        let seconds = self.options.seconds.unwrap_or(0);
        self.progress(match seconds {
            0 => format!("{} orders a second come until Ctrl-C", plan::RATE),
            _ => format!("{} orders a second come for {seconds} s", plan::RATE),
        });
        let orders = self.plan.orders.clone();
        self.start(&orders, kafka, agent, &["--seconds".into(), seconds.to_string()])?;
        // The first tick of an interval is at once.
        let mut looks = tokio::time::interval(LOOK);
        let mut tables = tokio::time::interval(self.options.print.unwrap_or(Duration::from_secs(86_400)));
        tables.tick().await;
        let mut interrupted = false;
        loop {
            tokio::select! {
                _ = looks.tick() => drop(self.look(watch).await?),
                _ = tables.tick() => {
                    let table = watch.look().await?.text();
                    self.progress(format!("\n{table}"));
                }
                () = self.interrupts.next() => {
                    if interrupted {
                        return Err("interrupted".into());
                    }
                    // The messages under way still arrive.
                    interrupted = true;
                    self.progress("\nno more orders; waiting for those under way (Ctrl-C again: not)");
                    self.children.tell_to_end(plan::ORDERS);
                }
                heard = self.children.hear() => match heard {
                    Heard { name, line: Some(line) } => self.note(name, &line),
                    Heard { name, line: None } if name == plan::ORDERS => return self.children.end(name).await,
                    Heard { name, line: None } => return Err(self.early(name).await),
                },
            }
        }
    }

    /// Asks the collector, and keeps how far the archive is behind.
    async fn look(&mut self, watch: &Watch) -> Result<Known, String> {
        let known = watch.look().await?;
        self.lag.add(known.lag());
        Ok(known)
    }

    /// Waits until every order has passed every checkpoint, and the collector knows; not forever: the report tells
    /// what is missing.
    async fn drain(&mut self, watch: &Watch) -> Result<(), String> {
        let orders = self.said.get(plan::ORDERS).copied().unwrap_or(0);
        let catch_up = plan::REST_MS / 1000 * plan::RATE * plan::ARCHIVE_MS;
        let rest = if plan::may_rest(orders) { plan::REST_MS + catch_up } else { 0 };
        let deadline = Instant::now() + DRAIN + Duration::from_millis(rest.into());
        loop {
            let known = self.look(watch).await?;
            let mut steps = self.plan.pathways.iter().flat_map(|pathway| &pathway.steps);
            let arrived = steps.all(|step| report::passed(&known, step) >= orders) && known.lag() == Some(0);
            if arrived || Instant::now() >= deadline {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.interrupts.next() => return Err("interrupted".into()),
            }
        }
    }

    /// Ends the services one after the other.
    async fn end(&mut self) -> Result<(), String> {
        let Self { children, plan, said, interrupts, .. } = self;
        let ending = async {
            for service in &plan.consumers {
                children.tell_to_end(service.name);
                // Its last words; a service that has none to say is killed by `end`.
                let last = async {
                    loop {
                        match children.hear().await {
                            Heard { name, line: Some(line) } => note(said, name, &line),
                            Heard { name, line: None } if name == service.name => return,
                            Heard { .. } => {}
                        }
                    }
                };
                let _ = timeout(children::FAREWELL, last).await;
                children.end(service.name).await?;
            }
            Ok(())
        };
        tokio::select! {
            done = ending => done,
            () = interrupts.next() => Err("interrupted".into()),
        }
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
