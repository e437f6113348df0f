//! Screenings of a ledger across the network: the list as the server gives it, and responses proven a page at a time, since
//! asking for one would tell the server whose it is.

use circuits::id::ScreeningId;
use node::{
    state::{ResponseState, StateKey},
    units::ResponseIndex,
};

use super::{
    RemoteLedger,
    ledger::{HEADER_BYTES_MAX, failed},
};
use crate::api::{RESPONSES_PAGE_MAX, ResponseProofs, ScreeningPage};

/// The largest proof of a response: its sealing key, and 256 siblings of a few dozen bytes.
const RESPONSE_PROOF_BYTES_MAX: usize = 32 << 10;
/// The largest page of proven responses.
const PAGE_BYTES_MAX: usize = HEADER_BYTES_MAX + RESPONSES_PAGE_MAX as usize * RESPONSE_PROOF_BYTES_MAX;
/// Screenings that are listed at most.
const SCREENINGS_MAX: usize = 1 << 16;

impl RemoteLedger {
    /// The ids that the server lists. It may withhold some, and each one's state is proven when it is read.
    pub(super) fn listed_screenings(&self) -> Result<Vec<ScreeningId>, node::Error> {
        let mut listed: Vec<ScreeningId> = vec![];
        let mut after: Option<ScreeningId> = None;
        while listed.len() < SCREENINGS_MAX {
            let behind = after.map(|id| format!("?after={id}")).unwrap_or_default();
            let page: Option<ScreeningPage> = self.remote().json(&format!("/v1/screenings{behind}")).map_err(failed)?;
            let page = page.ok_or_else(|| self.disbelieved("it lists no screenings"))?;
            // A page of none would let a server go on for ever.
            let holds_some = !page.items.is_empty();
            listed.extend(page.items.iter().map(|screening| screening.id));
            match page.next {
                Some(next) if holds_some && after.is_none_or(|after| after < next) => after = Some(next),
                Some(_) => return Err(self.disbelieved("its list of screenings does not advance")),
                None => return Ok(listed),
            }
        }
        Err(self.disbelieved("its list of screenings does not end"))
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
