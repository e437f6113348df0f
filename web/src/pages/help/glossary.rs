//! What the words of the trade mean that a node's pages use.

/// A word, where a link finds it, and what it means.
pub(super) struct Term {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) means: &'static str,
}

const fn term(id: &'static str, name: &'static str, means: &'static str) -> Term {
    Term { id, name, means }
}

/// By the alphabet.
pub(super) const GLOSSARY: [Term; 49] = [
    term(
        "agent",
        "Agent",
        "The program that holds a person’s wallet and answers queries as that person’s consent allows.",
    ),
    term(
        "block",
        "Block",
        "A numbered step of the ledger, with the transactions in it. Once its validators signed it, it is final.",
    ),
    term(
        "certified",
        "Certified record",
        "What an issuer measured of a person and vouches for. The ledger holds a seal of it, from which nothing can \
         be read.",
    ),
    term(
        "chain",
        "Chain id",
        "Names one ledger. Anybody can found a ledger: compare this id with the one your consortium published.",
    ),
    term(
        "ciphertext",
        "Ciphertext",
        "An encrypted answer. Ciphertexts can be added without being opened; only the sum of a cohort ever is.",
    ),
    term("cohort", "Cohort", "The people whose records a query’s result adds up. Nobody is told who they are."),
    term(
        "committee",
        "Committee",
        "Members who each hold a share of the decryption key. A threshold of them opens a sum that the ledger allows, \
         and nothing else.",
    ),
    term(
        "component",
        "Component",
        "What a group of committee members computes to help open one sum. The ledger keeps its digest, so a wrong one \
         is found.",
    ),
    term(
        "consent",
        "Consent",
        "The rules that an owner sets for a record: purposes, least price, least cohort, privacy, places, last day. \
         Every proof shows that they hold.",
    ),
    term(
        "contribution",
        "Contribution",
        "One record’s encrypted answer to a query, with a proof that it is what the record says.",
    ),
    term(
        "criteria",
        "Criteria",
        "Whom a query asks. Every group must hold; of the alternatives in a group, one at least. Public criteria show \
         that a contributor meets them; match criteria are looked at inside the proof, and nobody sees who matches.",
    ),
    term(
        "data-use",
        "Data use",
        "What a query is for, in terms of the Data Use Ontology (DUO). Each owner’s consent must allow all of it.",
    ),
    term(
        "delta",
        "δ (delta)",
        "The chance, 10⁻⁹ here, that the promise of ε does not hold. So small that it is as good as never.",
    ),
    term("digest", "Digest", "A fingerprint of a file or of data. Two that differ in one letter have different ones."),
    term(
        "embargo",
        "Embargo",
        "A day before which a licence lets nobody publish what they find. It hides no data: who holds the licence can \
         read it before.",
    ),
    term(
        "epoch",
        "Epoch",
        "A run of blocks. At its end the ledger takes a snapshot of all registered records; proofs refer to one, so \
         that nobody sees when a record joined.",
    ),
    term(
        "epsilon",
        "ε (epsilon), privacy loss",
        "How much a result may depend on any one record. Smaller protects more and adds more noise. All losses of a \
         study, of a researcher and of a person add up, and each has a limit.",
    ),
    term(
        "escrow",
        "Escrow",
        "The money that a researcher or sponsor locks on the ledger in advance: price times the maximum. It pays \
         contributors, and what is left comes back.",
    ),
    term(
        "exact",
        "Exact result",
        "One without noise. It takes public criteria, a high minimum and a consent that allows it by name, and each \
         record enters it once in a period.",
    ),
    term("fee", "Fee", "What a transaction costs. It is not refunded."),
    term(
        "genesis",
        "Genesis",
        "What a ledger begins from: its name, first validators, parameters and proving keys. Its digest is the chain \
         id.",
    ),
    term(
        "governance",
        "Governance",
        "The accounts that together decide on parties, validators, fees and versions. Each decision is on the ledger, \
         with who approved.",
    ),
    term(
        "invitation",
        "Invitation",
        "A sponsor’s sealed letter to somebody who showed to be eligible. Who that is, the sponsor learns only from \
         whoever accepts.",
    ),
    term("issuer", "Issuer", "A hospital or other party that governance accredited to certify records."),
    term(
        "job",
        "Job",
        "Work that a node does in the background, such as following the ledger in its lists. A job that is done twice \
         counts once.",
    ),
    term(
        "ledger",
        "Ledger",
        "The common book of all parties. It holds digests, proofs, amounts and public terms, and no record of anybody.",
    ),
    term(
        "licence",
        "Licence",
        "An owner’s leave for one party to fetch a copy of raw data, for stated uses and days. Revoking it ends later \
         fetching; it takes no copy back.",
    ),
    term(
        "matching",
        "Match criteria",
        "Criteria that are looked at inside the proof. A contributor who does not match adds zeros, and nobody can \
         tell.",
    ),
    term(
        "measure",
        "Measure",
        "What is computed over the cohort: counts, means, a regression, survival curves, allele frequencies and \
         others.",
    ),
    term("minor-unit", "Minor unit", "The smallest coin of the network. All amounts are in it."),
    term(
        "noise",
        "Noise",
        "Chance that the committee adds to a sum before anybody sees it, so that the result tells next to nothing \
         about any one record. Every interval and test counts it in.",
    ),
    term("nonce", "Nonce", "The number of an account’s next transaction, so that none counts twice."),
    term(
        "nullifier",
        "Nullifier",
        "A number that a record gives in answering a query: always the same for that query, and linked to nothing \
         else. It shows that nobody answers twice, without showing who.",
    ),
    term(
        "panel",
        "Panel of variants",
        "The list of places in the genome at which the records of a schema were looked at.",
    ),
    term(
        "part",
        "Part",
        "What fits into one ciphertext. A query that measures much has several; a contributor proves each.",
    ),
    term(
        "proof",
        "Proof",
        "Zero-knowledge: it shows that a statement about a record is true and nothing else of the record.",
    ),
    term(
        "proving-key",
        "Proving key",
        "What proofs are made with. One made in a ceremony is safe while one of its participants was honest; one from \
         a seed is for demonstrations and tests alone.",
    ),
    term(
        "query",
        "Query",
        "A researcher’s question to many records at once. It collects, is sealed, added up, and then released or \
         refunded.",
    ),
    term(
        "quorum",
        "Quorum, threshold",
        "How many of a group are enough to act for it. Fewer committee members than the threshold can open nothing \
         together.",
    ),
    term(
        "receipt",
        "Receipt",
        "A file with which anybody checks a result, or a count of eligible people, without trusting whoever shows it.",
    ),
    term(
        "refund",
        "Refund",
        "Too few contributed, or a deadline passed: nothing is decrypted, nobody is paid, and the escrow goes back.",
    ),
    term(
        "region",
        "Region",
        "A place in the network’s own table of regions. An owner’s consent names those where a record may be used.",
    ),
    term(
        "release",
        "Release",
        "The moment when a sum may be opened: enough members handed out their components and the ledger accepted them.",
    ),
    term("schema", "Schema", "What records of one kind hold: attributes with their units, and a variant panel."),
    term(
        "screening",
        "Screening",
        "A sponsor’s search for people who are eligible for a study. It counts them; it names nobody.",
    ),
    term("slot", "Slot", "A place for one sum in a ciphertext. There are 4,032."),
    term(
        "study",
        "Study",
        "What a researcher registers before asking: title, protocol’s digest, ethics approval. Amendments keep every \
         earlier version.",
    ),
    term(
        "transaction",
        "Transaction",
        "A signed request to change the ledger: it is in a block, or it changed nothing.",
    ),
    term(
        "validator",
        "Validator",
        "A party whose node orders transactions and signs blocks. Nothing false is final while less than a third of \
         their votes are dishonest.",
    ),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Words of the trade, as pages write them, and where they are explained.
    const TRADE: [(&str, &str); 41] = [
        ("agent", "agent"),
        ("block", "block"),
        ("certified", "certified"),
        ("chain id", "chain"),
        ("ciphertext", "ciphertext"),
        ("cohort", "cohort"),
        ("committee", "committee"),
        ("consent", "consent"),
        ("contribution", "contribution"),
        ("criteria", "criteria"),
        ("δ", "delta"),
        ("digest", "digest"),
        ("epoch", "epoch"),
        ("ε", "epsilon"),
        ("escrow", "escrow"),
        ("fee", "fee"),
        ("genesis", "genesis"),
        ("governance", "governance"),
        ("invitation", "invitation"),
        ("invited", "invitation"),
        ("issuer", "issuer"),
        ("job", "job"),
        ("ledger", "ledger"),
        ("match criteria", "matching"),
        ("measure", "measure"),
        ("minor unit", "minor-unit"),
        ("noise", "noise"),
        ("nonce", "nonce"),
        ("panel", "panel"),
        ("proof", "proof"),
        ("proving key", "proving-key"),
        ("query", "query"),
        ("quorum", "quorum"),
        ("receipt", "receipt"),
        ("region", "region"),
        ("release", "release"),
        ("schema", "schema"),
        ("screening", "screening"),
        ("slots", "slot"),
        ("study", "study"),
        ("validator", "validator"),
    ];

    #[test]
    fn every_word_of_the_trade_that_a_page_uses_is_explained() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let pages = fs::read_dir(templates).unwrap().map(|entry| entry.unwrap().path());
        let pages = pages.filter(|path| path.is_file() && !path.ends_with("help.html"));
        let text: String = pages.map(|path| fs::read_to_string(path).unwrap().to_lowercase()).collect();
        for (word, id) in TRADE {
            assert!(text.contains(word), "no page says {word:?}");
            assert!(GLOSSARY.iter().any(|term| term.id == id), "{word:?} is not explained");
        }
    }

    #[test]
    fn words_are_listed_once_by_the_alphabet_and_explained_in_sentences() {
        let ids: BTreeSet<_> = GLOSSARY.iter().map(|term| term.id).collect();
        assert_eq!(ids.len(), GLOSSARY.len());
        let plain = |term: &Term| term.name.trim_start_matches(['ε', 'δ', ' ', '(']).to_lowercase();
        assert!(GLOSSARY.iter().map(plain).collect::<Vec<_>>().is_sorted());
        for Term { id, means, .. } in &GLOSSARY {
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{id}");
            assert!(means.ends_with('.') && means.len() > 30, "{id}: {means}");
        }
    }

    #[test]
    fn every_link_to_an_explanation_leads_to_one() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut links = 0;
        for entry in fs::read_dir(templates).unwrap() {
            let path = entry.unwrap().path();
            let text = if path.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
            for link in text.split("href=\"/help#").skip(1) {
                let id = link.split('"').next().unwrap();
                assert!(GLOSSARY.iter().any(|term| term.id == id), "{} leads to {id:?}", path.display());
                links += 1;
            }
        }
        assert!(links > 5, "{links}");
    }
}
