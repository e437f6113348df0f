//! Help on a node's pages: what each is for, by who uses it, and what the words of the trade mean.

mod glossary;

use actix_web::{HttpRequest, HttpResponse, get};
use askama::Template;
use market::data_use::{DuoTerm, Enforcement};

use self::glossary::{GLOSSARY, Term};
use super::shell::{Section, Shell, page};
use crate::Error;

/// A page, and what it is for.
struct Guided {
    href: &'static str,
    name: &'static str,
    what: &'static str,
}

/// The pages for one kind of user.
struct Guide {
    id: &'static str,
    title: &'static str,
    begin: &'static str,
    pages: &'static [Guided],
}

const fn to(href: &'static str, name: &'static str, what: &'static str) -> Guided {
    Guided { href, name, what }
}

const GUIDES: [Guide; 4] = [
    Guide {
        id: "researcher",
        title: "You research",
        begin: "Register a study with the command line first: it needs your key, and no key belongs on a page. Then build a \
                query, sign it where your key is, and follow it here until its result is out.",
        pages: &[
            to(
                "/studies",
                "Studies",
                "What was registered: protocol, ethics approval, sites and plan, with every version.",
            ),
            to(
                "/builder",
                "Build a query",
                "Whom you ask, what you measure and what it costs, planned before you pay.",
            ),
            to("/queries", "Queries", "What was asked, how far it is, and what came back or was refunded."),
            to(
                "/results",
                "Results",
                "Drop the file of a result, or its receipt: figures, tables and downloads. Nothing is kept.",
            ),
        ],
    },
    Guide {
        id: "contributor",
        title: "You contribute",
        begin: "Your own pages are not here. Your agent, or your hospital’s, serves them to you alone: your records, your \
                rules, who asked, your money. Here is what everybody may see.",
        pages: &[
            to("/queries?stage=collecting", "Queries that ask now", "Who asks, what for, at which price and privacy."),
            to("/studies", "Studies", "Who stands behind a query, and what they said before that they would do."),
            to("/screenings", "Screenings", "Whom trials look for. Whoever fits stays unnamed until they accept."),
        ],
    },
    Guide {
        id: "sponsor",
        title: "You sponsor",
        begin: "You were shown a number, or look for people for a trial. Neither takes trust in whoever runs this node.",
        pages: &[
            to("/verify", "Verify", "Drop a receipt: each check is shown as it runs, with what it means."),
            to("/verify/offline", "Verify without this server", "The same on your own machine, without a network."),
            to(
                "/screenings",
                "Screenings",
                "How many certified people are eligible, invited and accepted, for each site.",
            ),
        ],
    },
    Guide {
        id: "auditor",
        title: "You audit or operate",
        begin: "Everything on the ledger is public and signed. Look at it here, or fetch and replay all of it.",
        pages: &[
            to("/explorer", "Explorer", "Blocks, transactions, accounts and parties; look anything up by its id."),
            to("/explorer/governance", "Governance", "Which changes wait for approvals, and what is in force."),
            to("/committee", "Committee", "Who helps to decrypt, and the keys that they made."),
            to("/explorer/health", "Health", "Whether this node follows the others."),
            to("/explorer/jobs", "Jobs", "What this node works off in the background."),
        ],
    },
];

#[derive(Template)]
#[template(path = "help.html")]
struct Help {
    shell: Shell,
    guides: &'static [Guide],
    glossary: &'static [Term],
    duo: &'static [DuoTerm],
}

/// Where a term of the Data Use Ontology is explained.
fn anchor(term: &DuoTerm) -> String {
    term.id().to_lowercase().replace(':', "-")
}

const fn enforced(by: Enforcement) -> &'static str {
    match by {
        Enforcement::Proof => "every contribution’s proof",
        Enforcement::Ledger => "the ledger, at each request for a licence",
        Enforcement::Agent => "the owner’s agent, before it proves anything",
    }
}

/// Help.
#[get("/help")]
pub(super) async fn help(request: HttpRequest) -> Result<HttpResponse, Error> {
    let shell = Shell::of(&request, Section::Elsewhere, "Help");
    page(&Help { shell, guides: &GUIDES, glossary: &GLOSSARY, duo: DuoTerm::ALL })
}
