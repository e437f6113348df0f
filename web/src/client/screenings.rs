//! Screenings of a ledger across the network: the list as the server gives it, and responses proven a page at a time, since
//! asking for one would tell the server whose it is.

use std::collections::BTreeSet;

use circuits::id::ScreeningId;
use market::index::{ScreeningFilter, Whose};
use node::{
    state::{ResponseState, StateKey},
    units::ResponseIndex,
};
use ureq::http::StatusCode;

use super::{
    RemoteLedger,
    ledger::{HEADER_BYTES_MAX, failed},
};
use crate::{
    Error,
    api::{RESPONSES_PAGE_MAX, ResponseProofs, ScreeningPage},
};

/// The largest proof of a response: its sealing key, and 256 siblings of a few dozen bytes.
const RESPONSE_PROOF_BYTES_MAX: usize = 32 << 10;
/// The largest page of proven responses.
const PAGE_BYTES_MAX: usize = HEADER_BYTES_MAX + RESPONSES_PAGE_MAX as usize * RESPONSE_PROOF_BYTES_MAX;
/// Screenings that are listed at most.
const SCREENINGS_MAX: usize = 1 << 16;

impl RemoteLedger {
    /// The ids that the server lists, in order. It may withhold some, and each one's state is proven when it is read.
    pub(super) fn listed_screenings(&self) -> Result<Vec<ScreeningId>, node::Error> {
        self.pages("/v1/screenings?", usize::MAX).map_err(failed)
    }

    /// Of these, those that it lists as open.
    pub(super) fn listed_open_screenings(&self) -> Result<Vec<ScreeningId>, node::Error> {
        self.listed_by_index("/v1/screenings?open=true&", usize::MAX)
    }

    /// Of these, those that it lists as a filter leaves them.
    pub(super) fn filtered_listed_screenings(&self, filter: &ScreeningFilter) -> Result<Vec<ScreeningId>, node::Error> {
        let of = match filter.of {
            None if filter.open => return self.listed_open_screenings(),
            None => return self.listed_screenings(),
            Some(Whose::Study(study)) => format!("study={study}"),
            Some(Whose::Account(sponsor)) => format!("sponsor={sponsor}"),
        };
        self.listed_by_index(&format!("/v1/screenings?{of}&open={}&", filter.open), usize::MAX)
    }

    /// Of these, the latest, as many as are wanted, and perhaps some more.
    pub(super) fn latest_listed_screenings(&self, wanted: usize) -> Result<Vec<ScreeningId>, node::Error> {
        self.listed_by_index("/v1/screenings?order=newest&", wanted)
    }

    /// What a node's listings say. One that lacks their blocks has the whole list all the same.
    fn listed_by_index(&self, path: &str, wanted: usize) -> Result<Vec<ScreeningId>, node::Error> {
        match self.pages(path, wanted) {
            Err(Error::Remote { problem, .. }) if problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() => {
                self.listed_screenings()
            }
            listed => listed.map_err(failed),
        }
    }

    /// The ids of page after page at a path, which ends in `?` or `&`, where the rest is added, until as many as are wanted are
    /// there.
    fn pages(&self, path: &str, wanted: usize) -> Result<Vec<ScreeningId>, Error> {
        let (mut listed, mut after) = (BTreeSet::new(), String::new());
        while listed.len() < SCREENINGS_MAX {
            let page: Option<ScreeningPage> = self.remote().json(&format!("{path}{after}"))?;
            let page = page.ok_or_else(|| self.remote().unusable("it lists no screenings"))?;
            let known = listed.len();
            listed.extend(page.items.iter().map(|screening| screening.id));
            let Some(next) = page.next.filter(|_| listed.len() < wanted) else {
                return Ok(listed.into_iter().collect());
            };
            // A page of nothing new would let a server go on for ever.
            if listed.len() == known {
                return Err(self.remote().unusable("its list of screenings does not advance"));
            }
            after = format!("after={next}");
        }
        Err(self.remote().unusable("its list of screenings does not end"))
    }

    /// A run of responses, each proven in the latest state.
    pub(super) fn proven_responses(
        &self,
        id: ScreeningId,
        first: ResponseIndex,
        count: u32,
    ) -> Result<Vec<ResponseState>, node::Error> {
        let mut responses = vec![];
        let end = first.get().saturating_add(count);
        loop {
            let next = first.get().saturating_add(u32::try_from(responses.len()).unwrap_or(u32::MAX));
            let wanted = end.saturating_sub(next).min(RESPONSES_PAGE_MAX);
            if wanted == 0 {
                return Ok(responses);
            }
            let page = self.page_of_responses(id, next, wanted)?;
            let is_last = page.len() < wanted as usize;
            responses.extend(page);
            if is_last {
                return Ok(responses);
            }
        }
    }

    /// A page; shorter than wanted only where the proof of absence of the next response says so.
    fn page_of_responses(&self, id: ScreeningId, first: u32, wanted: u32) -> Result<Vec<ResponseState>, node::Error> {
        let seen = self.seen();
        let path = format!("/v1/screenings/{id}/response-proofs?first={first}&count={wanted}");
        let page: Option<ResponseProofs> = self.remote().value(&path, PAGE_BYTES_MAX).map_err(failed)?;
        let ResponseProofs { header, proofs } = page.ok_or_else(|| self.disbelieved("it has no such screening"))?;
        let header = header.ok_or_else(|| self.disbelieved("it proves responses in the genesis, which has none"))?;
        let header = self.verified(header, None)?.header;
        self.check_advances(seen, header.height)?;
        let mut responses = vec![];
        for (index, proof) in (first..first.saturating_add(wanted)).map(ResponseIndex::new).zip(&proofs) {
            if proof.key != StateKey::Response(id, index) {
                return Err(self.disbelieved("it proved other responses than were asked for"));
            }
            proof.verify(header.state)?;
            if proof.value.is_none() {
                return Ok(responses);
            }
            responses.push(proof.decode()?);
        }
        if responses.len() == wanted as usize {
            return Ok(responses);
        }
        Err(self.disbelieved("it sent fewer responses than were asked for, and no proof that there are no more"))
    }
}
