//! What went wrong with a change, in words for everybody.

use crate::patient::Cause;

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(in crate::pages) what: &'static str,
    pub(in crate::pages) remedy: &'static str,
}

/// A cause in words.
pub(super) const fn trouble(cause: &Cause) -> Trouble {
    let (what, remedy) = match cause {
        Cause::Away => ("The network does not answer.", "Look again later, and try once more then."),
        Cause::Busy => (
            "Another program has your wallet open. It may be the agent that answers for you.",
            "Wait some minutes, and try once more.",
        ),
        Cause::Wallet => (
            "Your wallet could not be read or written. Its disk may be full.",
            "Tell whoever runs your agent. They find more about it where the agent runs.",
        ),
        Cause::Late => (
            "It is too late for that. It has ended, it was answered before, or it was not meant for you.",
            "Go back and look how it stands now. If you began to answer an invitation, open it and send that answer again.",
        ),
        Cause::Gone => (
            "What you wanted to change is not there, or not any more.",
            "Go back and look how it stands now. You need to do nothing else.",
        ),
        Cause::Refused => (
            "It is not allowed as things stand now. It may have been done before, or it came too late.",
            "Go back and look how it stands now. If that does not help, show your hospital what the program said.",
        ),
        Cause::Full => (
            "There was no room for it. A store on the network is full, or does not answer, or has too much to do.",
            "Try once more later. If it stays so, tell whoever runs your agent.",
        ),
        Cause::Waits => ("It was sent, and the network has not shown that it wrote it down.", "Look again later."),
        Cause::Unsent => (
            "The network did not take your answer. Those who invited you got nothing of it.",
            "You can answer anew: open the letter once more. If it stays so, show whoever runs your agent what the program said.",
        ),
        Cause::Lacks => (
            "Your agent was started without a thing that this needs. It may be the key of your data.",
            "Show whoever runs your agent what the program said.",
        ),
        Cause::Other => (
            "Something went wrong that these pages have no words for.",
            "Try once more later. If it stays so, show whoever runs your agent what the program said.",
        ),
    };
    Trouble { what, remedy }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::words::tests::is_plain, *};

    /// Every cause there is. A new one does not compile until it is here.
    fn causes() -> Vec<Cause> {
        use Cause::{Away, Busy, Full, Gone, Lacks, Late, Other, Refused, Unsent, Waits, Wallet};
        let all = vec![Away, Busy, Wallet, Late, Gone, Refused, Full, Waits, Unsent, Lacks, Other];
        for cause in &all {
            match cause {
                Away | Busy | Wallet | Late | Gone | Refused | Full | Waits | Unsent | Lacks | Other => {}
            }
        }
        all
    }

    #[test]
    fn every_cause_of_trouble_has_plain_words_of_its_own_and_something_to_do() {
        let all: Vec<Trouble> = causes().iter().map(trouble).collect();
        for Trouble { what, remedy } in &all {
            is_plain(what);
            is_plain(remedy);
        }
        let distinct: BTreeSet<_> = all.iter().map(|trouble| trouble.what).collect();
        assert_eq!(distinct.len(), all.len());
    }
}
