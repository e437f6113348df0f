//! The parties of the story and where they work; founding, accrediting, certifying.

use std::{path::Path, process::Stdio, thread, time::Duration};

use rand::RngExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    chaos::{Cast, Mortal},
    people::Ward,
    process::Process,
    store::{Service, Store},
    town::{Party, patience, text},
};
use crate::{
    api::agent,
    network::demo_file,
    ports::free_port,
    postgres::Cluster,
    s3::{KEY, S3Server, SECRET},
};

const MEMBERS: usize = 4;
/// By then whoever cannot start has ended.
const START_TIME: Duration = Duration::from_secs(3);
/// A hospital's first attempt to certify is killed within this and the time for each of its people: where there are more, it
/// takes longer.
const ATTEMPT_TIME: Duration = Duration::from_millis(1_000);
const ATTEMPT_TIME_PER_PERSON: Duration = Duration::from_millis(50);
/// What researcher and sponsor start with.
pub const BALANCE: u64 = 10_000_000;

/// Everybody, with the services that the node uses.
pub struct Stage {
    pub folder: TempDir,
    pub node: Party,
    pub governor: Party,
    pub hospitals: [Party; 2],
    pub members: Vec<Party>,
    pub researcher: Party,
    pub sponsor: Party,
    pub onlooker: Party,
    /// The address of the node's database in `cluster`.
    pub database: String,
    cluster: Cluster,
    pub objects: S3Server,
    pub chain: String,
    addresses: Vec<String>,
    node_address: String,
}

/// What a story that failed leaves is what explains it.
impl Drop for Stage {
    fn drop(&mut self) {
        if thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("story: the parties' folders and logs stay in {}", self.folder.path().display());
        }
    }
}

/// The key of a role in a party's folder.
pub const fn key_file(role: &'static str) -> [&'static str; 2] {
    match role.as_bytes() {
        b"issuer" => ["--key", "issuer.key"],
        _ => ["--key", "researcher.key"],
    }
}

/// SIGKILL for a command of a party's after a moment within a time, wherever it is then.
fn strike(party: &Party, arguments: &[&str], time_max: Duration) {
    let mut process = party.command(arguments).stdout(Stdio::null()).stderr(party.log("err")).spawn().unwrap();
    let moment = rand::rng().random_range(Duration::ZERO..time_max);
    thread::sleep(moment);
    let (name, what) = (&party.name, arguments[..2].join(" "));
    match process.try_wait().unwrap() {
        Some(ended) => println!("story: `{what}` of {name} ended by itself within {moment:?}: {ended}"),
        None => println!("story: SIGKILL for `{what}` of {name} after {moment:?}"),
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

impl Stage {
    /// Everybody makes keys, and the node's operator founds the network.
    pub fn build(wards: &[Ward; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free_address = || format!("127.0.0.1:{}", free_port());
        let node_address = free_address();
        let url = format!("http://{node_address}");
        let client = |name: &str| Party::new(folder.path(), name).with("LOCUS_URL", url.as_str());
        let (objects, cluster) = (S3Server::start(), Cluster::start());
        let database = cluster.new_database();
        let node = Party::new(folder.path(), "node")
            .with("LOCUS_DATABASE_URL", database.as_str())
            .with("LOCUS_OBJECTS", S3Server::location("story").to_string())
            .with("AWS_ENDPOINT_URL", objects.endpoint())
            .with("AWS_REGION", "us-east-1")
            .with("AWS_ACCESS_KEY_ID", KEY)
            .with("AWS_SECRET_ACCESS_KEY", SECRET);
        let hospitals = wards.each_ref().map(|ward| client(ward.hospital));
        let members: Vec<_> = (0..MEMBERS).map(|index| client(&format!("member-{index}"))).collect();
        let [governor, researcher, sponsor, onlooker] = ["governor", "researcher", "sponsor", "onlooker"].map(client);
        let addresses = members.iter().map(|_| free_address()).collect();
        let mut stage = Self {
            folder,
            node,
            governor,
            hospitals,
            members,
            researcher,
            sponsor,
            onlooker,
            database,
            cluster,
            objects,
            chain: String::new(),
            addresses,
            node_address,
        };
        stage.found();
        for (party, ward) in stage.hospitals.iter().zip(wards) {
            ward.write(&party.folder);
        }
        stage
    }

    fn found(&mut self) {
        let rich = [&self.researcher, &self.sponsor].map(|party| format!("{}={BALANCE}", party.new_key("researcher")));
        let governor = self.governor.new_key("governor");
        let mut arguments = vec!["network", "init", "the story", "--governor", &governor];
        rich.iter().for_each(|balance| arguments.extend(["--balance", balance]));
        let files: Vec<String> = self
            .members
            .iter()
            .map(|member| {
                member.new_key("member");
                member.run(&["keys", "member", "member.key"]);
                member.path("member.json").display().to_string()
            })
            .collect();
        files.iter().for_each(|file| arguments.extend(["--member", file]));
        arguments.extend(["--epoch-blocks", "8", "--block-seconds", "0", "--exact-floor", "2"]);
        self.chain = text(&self.node.run(&arguments)["chain"]);
        for party in self.members.iter().chain([&self.governor, &self.researcher, &self.sponsor, &self.onlooker]) {
            party.join(&self.node, &["genesis.json"]);
        }
        for hospital in &self.hospitals {
            hospital.join(&self.node, &["genesis.json", "proving.key", "eligibility.key"]);
            hospital.new_key("custodian");
        }
        self.node.new_key("custodian");
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.node_address)
    }

    /// What PostgreSQL itself logged.
    pub fn database_log(&self) -> Vec<u8> {
        self.cluster.log()
    }

    /// PostgreSQL and the S3 server.
    pub fn stores(&self) -> Cast<'_> {
        let services = [Service::Database(&self.cluster), Service::Objects(&self.objects)];
        services.map(|service| Box::new(Store::new(service)) as Box<dyn Mortal>).into()
    }

    pub fn start_node(&self) -> Process<'_> {
        let members = self.member_urls();
        let adds_up = ["--aggregator-key", "custodian.key", "--members", &members];
        let serve = [&["serve", "--listen", &self.node_address, "--heartbeat", "1"][..], &adds_up].concat();
        let mut node = Process::start(&self.node, &serve);
        self.researcher.until(&["ledger", "head"], |_| true);
        node.assert_alive();
        node
    }

    /// The members start in their order.
    pub fn start_members(&self) -> impl Iterator<Item = Process<'_>> {
        let start = |(member, address): (_, &String)| {
            Process::start(
                member,
                &["committee", "serve", "--key", "member.key", "--store", "store", "--listen", address],
            )
        };
        let mut members: Vec<_> = self.members.iter().zip(&self.addresses).map(start).collect();
        thread::sleep(START_TIME);
        members.iter_mut().for_each(Process::assert_alive);
        members.into_iter()
    }

    /// Until the members have made the committee's key.
    pub fn await_key(&self) {
        self.researcher.until(&["committee", "show"], |shown| shown["committee"]["stage"]["stage"] == "active");
    }

    /// The members' addresses, in their order.
    pub fn member_urls(&self) -> String {
        self.addresses.iter().map(|address| format!("http://{address}")).collect::<Vec<_>>().join(",")
    }

    pub fn accredit(&self) {
        let accredit = |what: &str, account: &str, name: &str| {
            self.governor.until(&["govern", what, account, "--name", name, "--key", "governor.key"], |_| true);
        };
        for hospital in &self.hospitals {
            accredit("accredit-issuer", &hospital.new_key("issuer"), &hospital.name);
        }
        for party in [&self.researcher, &self.sponsor] {
            let account = text(&party.run(&["keys", "show", "researcher.key"])["account"]);
            accredit("accredit-researcher", &account, &party.name);
        }
    }

    /// A schema of the first hospital's file, and everybody's records. They count from the next epoch on.
    pub fn certify(&self, wards: &[Ward; 2]) -> String {
        let attributes = demo_file("attributes.json");
        let derive = ["schema", "derive", "Genomes", "--vcf", "genomes.vcf", "--attributes", &attributes];
        self.hospitals[0].run(&[&derive[..], &["--build", "GRCh37", "--out", "schema"]].concat());
        let register = [&["schema", "register", "schema"][..], &key_file("issuer")].concat();
        let schema = text(&self.hospitals[0].until(&register, |_| true)["id"]);
        let terms = json!({
            "purposes": ["health-research"], "days": 365, "price_min": 100, "cohort_min": 2, "exact": true,
            "screening": true
        });
        for (hospital, ward) in self.hospitals.iter().zip(wards) {
            hospital.write("consent.json", terms.to_string());
            let whom = ["--vcf", "genomes.vcf", "--attributes", "attributes.csv", "--schema", &schema];
            let how = ["--consent", "consent.json", "--wallets", "wallets", "--custodian", "custodian.key"];
            let certify = [&["record", "certify"][..], &whom, &key_file("issuer"), &how].concat();
            let people = u32::try_from(ward.people.len()).unwrap();
            strike(hospital, &certify, ATTEMPT_TIME + ATTEMPT_TIME_PER_PERSON * people);
            hospital.until_within(patience(ward.people.len()), &certify, |_| true);
            // However often it was interrupted, nobody is left out.
            let kept = format!("hold a record already and keep it: {}", ward.people.len());
            let again = hospital.until(&certify, |_| true);
            assert!(again["notes"].as_array().unwrap().contains(&json!(kept)), "{again}");
        }
        let epoch = |head: &Value| head["epoch"].as_u64().unwrap();
        let now = epoch(&self.researcher.until(&["ledger", "head"], |_| true));
        self.researcher.until(&["ledger", "head"], |head| epoch(head) > now);
        schema
    }

    /// How many records count.
    pub fn records(&self) -> usize {
        self.researcher.until(&["ledger", "head"], |_| true);
        let url = format!("{}/v1/epoch", self.url());
        let epoch: Value = agent().get(url).call().unwrap().body_mut().read_json().unwrap();
        usize::try_from(epoch["snapshot"]["leaves"].as_u64().unwrap()).unwrap()
    }

    /// Each hospital's agent watches for queries on its patients' behalf.
    pub fn start_agents(&self) -> [Process<'_>; 2] {
        let members = self.member_urls();
        let watch = ["agent", "watch", "--wallets", "wallets", "--custodian", "custodian.key", "--members", &members];
        let watch = [&watch[..], &["--delay", "2", "--threads", "1"]].concat();
        self.hospitals.each_ref().map(|hospital| Process::start(hospital, &watch))
    }

    pub fn hospital_folders(&self) -> [&Path; 2] {
        self.hospitals.each_ref().map(|hospital| hospital.folder.as_path())
    }

    /// A study of somebody's. One whose answer was lost stays beside it, and costs nothing.
    pub fn study(&self, who: &Party, title: &str) -> String {
        who.write("protocol.md", format!("{title}, in two visits."));
        let register = ["study", "register", title, "--protocol", "protocol.md", "--ethics", "2026-1"];
        text(&who.until(&[&register[..], &key_file("researcher")].concat(), |_| true)["study"])
    }
}
