//! Uses in words, and what people must know before they grant and revoke.

use circuits::consent::Purposes;
use node::{query::DataUse, transaction::AllowedUse};

use crate::data_use::regions_in_words;

/// What revoking does and does not do.
pub const REVOCATION: &str = "Revoking ends access: this network's custodian gives nothing more under the licence, and takes \
                              no more receipts. It recalls nothing. Whoever fetched header and body keeps what they can \
                              decrypt, and the price is not returned. Whether a copy may still be used is for your \
                              contract and the law.";

/// What taking an offer back does and does not do.
pub const WITHDRAWAL: &str = "Withdrawing takes the offer back for ever: nobody can ask for this dataset any more, and no \
                              request that waits can be granted. Licences granted before run on until they end or you \
                              revoke them. It recalls no copy.";

/// What data will be used for.
#[must_use]
pub fn use_in_words(data_use: &DataUse) -> String {
    let disease = match data_use.disease {
        0 => "no disease named".into(),
        number => format!("disease number {number}"),
    };
    let promised = requirements(data_use.purposes).map(|names| format!("; promises {names}")).unwrap_or_default();
    format!("{}; {disease}; {}{promised}", purposes(data_use.purposes), regions_in_words(data_use.regions))
}

/// What an owner allows.
#[must_use]
pub fn allowed_in_words(allowed: &AllowedUse) -> String {
    let disease = match allowed.disease {
        0 => "any disease".into(),
        number => format!("only disease number {number}"),
    };
    let required = requirements(allowed.purposes).map(|names| format!("; requires {names}")).unwrap_or_default();
    format!("{}; {disease}; {}{required}", purposes(allowed.purposes), regions_in_words(allowed.regions))
}

/// What is required or promised: the requirements whose bit, of a use without them, is missing.
fn requirements(purposes: Purposes) -> Option<String> {
    let met = Purposes::REQUIREMENTS.into_iter().filter(|(_, without)| !purposes.contains(*without));
    let names: Vec<_> = met.map(|(name, _)| name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn purposes(purposes: Purposes) -> String {
    let named = Purposes::NAMED.into_iter().filter(|(_, purpose)| purposes.contains(*purpose));
    let known = Purposes::NAMED.into_iter().fold(Purposes::NOTHING_REQUIRED, |bits, (_, purpose)| bits.union(purpose));
    let others = purposes.without(known).0;
    let other = (others != 0).then(|| format!("others (bits {others:#b})"));
    named.map(|(name, _)| name.to_owned()).chain(other).collect::<Vec<_>>().join(", ")
}
