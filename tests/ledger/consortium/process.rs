//! One validator in a process of its own, steered over its standard input.

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use circuits::id::AccountId;
use node::{
    Ledger, Mempool, ProofVerifier,
    consensus::{ConsensusSigner, Engine, EngineOptions, Guarded, Pace, PeerSecret, Timeouts, peer_key},
    genesis::Genesis,
    state::StateRead,
    transaction::{Transaction, TransactionId},
    units::{Height, Timestamp},
};
use serde::{Deserialize, Serialize};

use super::doubles::{Gullible, Withholding};
use crate::world::{DigestInsteadOfPairing, key};

/// Says in a process's environment which node it is.
const PLAN: &str = "LOCUS_TEST_NODE";

/// What a node is started with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The key's name.
    pub name: String,
    /// The name of the key of its links.
    pub links: String,
    pub genesis: PathBuf,
    pub directory: PathBuf,
    /// What the key signed; it stays when the files of the node are lost.
    pub memory: PathBuf,
    pub listen: String,
    /// Whether it takes every proof for sound.
    pub gullible: bool,
    /// Whether nobody gets the blocks that it proposes.
    pub withholding: bool,
    /// Seconds by which its clock is ahead when it starts.
    pub ahead: i64,
}

/// The secret of a node's links.
pub fn links(name: &str) -> PeerSecret {
    PeerSecret::from_bytes(key(&format!("links of {name}")).to_bytes())
}

/// Seconds by which this process's clock is ahead.
static AHEAD: AtomicI64 = AtomicI64::new(0);

fn clock() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Timestamp::new(now.saturating_add_signed(AHEAD.load(Ordering::SeqCst)))
}

/// The process: a node when the variable has a plan, nothing otherwise.
#[test]
fn node_process() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    // Keeps what the engine says beside the node's files, for whoever looks into a failure.
    let levels = "info,arc_malachitebft_network=error";
    tracing_subscriber::fmt().with_env_filter(levels).with_ansi(false).with_writer(std::io::stderr).init();
    let plan: Plan = serde_json::from_str(&plan).unwrap();
    let genesis: Genesis = serde_json::from_slice(&std::fs::read(&plan.genesis).unwrap()).unwrap();
    let proofs: Box<dyn ProofVerifier> =
        if plan.gullible { Box::new(Gullible) } else { Box::new(DigestInsteadOfPairing) };
    AHEAD.store(plan.ahead, Ordering::SeqCst);
    let signer: Arc<dyn ConsensusSigner> =
        if plan.withholding { Arc::new(Withholding(key(&plan.name).into())) } else { Arc::new(key(&plan.name)) };
    let opened = Ledger::open_with(&plan.directory.join("ledger.redb"), genesis, proofs);
    let ledger = match opened {
        Ok(ledger) => Arc::new(ledger),
        Err(error) => return say(&format!("failed {error}")),
    };
    let mempool = Arc::new(Mempool::new(ledger));
    let options = EngineOptions {
        directory: plan.directory.clone(),
        listen: plan.listen.clone(),
        peer: links(&plan.links),
        signer: Arc::new(Guarded::open(signer, &plan.memory).unwrap()),
        pace: Pace { gather: Duration::from_millis(5), heartbeat: Duration::from_secs(3_600) },
        timeouts: Timeouts {
            propose: Duration::from_millis(500),
            vote: Duration::from_millis(200),
            rebroadcast: Duration::from_millis(500),
        },
        clock,
    };
    let engine = match Engine::start(Arc::clone(&mempool), options) {
        Ok(engine) => engine,
        Err(error) => return say(&format!("failed {error}")),
    };
    let handle = engine.handle().clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(handle.ended());
        if let Some(Err(error)) = handle.outcome() {
            say(&format!("failed {error}"));
            std::process::exit(3);
        }
    });
    say("started");
    for line in std::io::stdin().lines() {
        say(&answer(&mempool, &engine, &line.unwrap()));
    }
}

fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "node: {text}").unwrap();
    output.flush().unwrap();
}

fn answer(mempool: &Mempool, engine: &Engine, line: &str) -> String {
    let snapshot = mempool.ledger().snapshot().unwrap();
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["submit", bytes] => {
            let transaction = Transaction::from_bytes(&hex::decode(bytes).unwrap()).unwrap();
            match mempool.submit(transaction, clock()) {
                Ok(_) => "taken".into(),
                Err(error) => format!("refused {error}"),
            }
        }
        ["height"] => snapshot.latest().unwrap().height.to_string(),
        ["header", height] => {
            let header = snapshot.header(Height::new(height.parse().unwrap())).unwrap();
            header.map_or("none".into(), |signed| format!("{} {}", signed.header.hash().unwrap(), signed.header.state))
        }
        ["round", height] => {
            let header = snapshot.header(Height::new(height.parse().unwrap())).unwrap();
            header.unwrap().certificate.round.to_string()
        }
        ["time", height] => {
            let header = snapshot.header(Height::new(height.parse().unwrap())).unwrap();
            header.unwrap().header.time.get().to_string()
        }
        ["first"] => mempool.ledger().first_block().unwrap().to_string(),
        ["copy", path, first] => {
            let first = Height::new(first.parse().unwrap());
            mempool.ledger().copy_to(path.as_ref(), first).unwrap().height.to_string()
        }
        ["nonce", account] => mempool.next_nonce(account.parse().unwrap()).unwrap().to_string(),
        ["peers"] => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let peers = runtime.block_on(engine.handle().peers()).unwrap();
            peers.iter().map(|peer| peer_key(&peer.id).unwrap().to_string()).collect::<Vec<_>>().join(" ")
        }
        ["clock", ahead] => {
            AHEAD.store(ahead.parse().unwrap(), Ordering::SeqCst);
            "set".into()
        }
        ["has", id] => {
            let id: TransactionId = id.parse().unwrap();
            snapshot.location(id).unwrap().is_some().to_string()
        }
        ["account", account] => {
            let account: AccountId = account.parse().unwrap();
            let account = snapshot.account(account).unwrap().unwrap_or_default();
            format!("{} {}", account.balance, account.nonce)
        }
        ["study", study] => snapshot.study(study.parse().unwrap()).unwrap().is_some().to_string(),
        ["researcher", account] => {
            let party = snapshot.researcher(account.parse().unwrap()).unwrap();
            party.map_or("unknown".into(), |party| format!("{:?}", party.standing))
        }
        ["listed", account] => {
            let validators = snapshot.validators().unwrap().unwrap();
            let listed = validators.get(account.parse().unwrap());
            listed.map_or("nowhere".into(), |validator| validator.address.clone())
        }
        ["equivocated", account] => {
            let account: AccountId = account.parse().unwrap();
            let tip = snapshot.latest().unwrap().height.get();
            let found = (1..=tip).any(|height| snapshot.equivocation(account, Height::new(height)).unwrap().is_some());
            found.to_string()
        }
        ["block"] => {
            engine.handle().request_block();
            "asked".into()
        }
        _ => "what?".into(),
    }
}

/// A node process as its keeper sees it. It is killed when this is dropped.
pub struct NodeProcess {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl NodeProcess {
    /// Starts a node, through a command such as `ip netns exec`, and waits until it runs or says why not.
    pub fn start(plan: &Plan, through: &[&str]) -> Result<Self, String> {
        let program = std::env::current_exe().unwrap();
        let arguments = ["--exact", "consortium::process::node_process", "--nocapture", "--test-threads=1"];
        let mut command = match through {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(arguments).env(PLAN, serde_json::to_string(plan).unwrap());
        let log =
            std::fs::File::options().create(true).append(true).open(plan.directory.with_extension("log")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut node = Self { child, input, output: BufReader::new(output).lines() };
        match node.heard() {
            Some(said) if said == "started" => Ok(node),
            said => Err(said.unwrap_or_else(|| "it ended".into())),
        }
    }

    /// What the node says next; none when it ended.
    pub fn heard(&mut self) -> Option<String> {
        loop {
            let line = self.output.next()?.ok()?;
            // The test runner prints on the same line what it is about to run.
            if let Some((_, said)) = line.split_once("node: ") {
                if said.starts_with("failed") {
                    println!("{said}");
                }
                return Some(said.into());
            }
        }
    }

    /// Asks; none when the node ended.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        writeln!(self.input, "{question}").ok()?;
        self.heard()
    }

    pub fn height(&mut self) -> u64 {
        self.ask("height").unwrap().parse().unwrap()
    }

    pub fn submit(&mut self, transaction: &Transaction) -> String {
        self.ask(&format!("submit {}", hex::encode(transaction.to_bytes().unwrap()))).unwrap()
    }

    pub fn has(&mut self, transaction: &Transaction) -> bool {
        self.ask(&format!("has {}", transaction.id().unwrap())).unwrap() == "true"
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether the process ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGSTOP or SIGCONT.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
