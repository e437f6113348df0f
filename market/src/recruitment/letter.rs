//! Letters: an invitation sealed to a response, and a contact sealed to a screening.
//!
//! Every invitation has one length, and every contact too, so that a sealed one tells nothing by its size. Letters come from
//! strangers and are shown to people: what could change a terminal or the order of its letters is refused on both sides.

use std::{fmt, path::Path};

use borsh::{BorshDeserialize, BorshSerialize};
use circuits::{
    domain::ByteTag,
    id::{AccountId, ChainId, Digest, ScreeningId},
};
use node::units::ResponseIndex;
use rand::CryptoRng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    Error,
    query::read,
    sealing::{SEALED_OVERHEAD_BYTES, SealingContext, SealingPublicKey, SealingSecretKey, open, seal},
};

/// The longest title of an invitation, in bytes of UTF-8.
pub const INVITATION_TITLE_BYTES_MAX: usize = 200;
/// The longest other text of an invitation, in bytes of UTF-8.
pub const INVITATION_TEXT_BYTES_MAX: usize = 1_920;
/// The longest contact, in bytes of UTF-8.
pub const CONTACT_BYTES_MAX: usize = 1_000;

/// What an invitation takes before it is sealed.
const INVITATION_BYTES: usize = 4_096;
/// What a contact takes before it is sealed.
const CONTACT_BYTES: usize = 1_024;

const _: () = assert!(3 * 4 + INVITATION_TITLE_BYTES_MAX + 2 * INVITATION_TEXT_BYTES_MAX <= INVITATION_BYTES);
const _: () = assert!(4 + CONTACT_BYTES_MAX <= CONTACT_BYTES);

/// A text of one kind that is sealed to one reader.
pub trait Letter: BorshSerialize + BorshDeserialize {
    /// What it is called in errors.
    const NAME: &'static str;
    /// Its length before it is sealed, zeros at the end included.
    const BYTES: usize;

    /// Checks the length and the characters of each text.
    ///
    /// # Errors
    /// [`Error::Letter`] that names the text.
    fn check(&self) -> Result<(), Error>;
}

/// What a sponsor tells somebody eligible.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Title of the trial, at most 200 bytes.
    pub title: String,
    /// What the trial is, what it asks of people and what it gives them, at most 1,920 bytes. It should say that a contact
    /// tells the sponsor that this person met the criteria.
    pub about: String,
    /// What a contact should say, and what happens then, at most 1,920 bytes.
    pub answering: String,
}

/// How somebody who accepts wants to be reached, such as an address of electronic mail. Printed only by whoever it is for.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub struct Contact(String);

impl Invitation {
    /// Reads a file: TOML when its name ends so, else JSON.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Letter`] when it is no invitation.
    pub fn open_file(path: &Path) -> Result<Self, Error> {
        let invitation: Self = read(path, "read the invitation").map_err(|error| match error {
            Error::QueryFile { why } => Error::Letter { what: Self::NAME, why },
            other => other,
        })?;
        invitation.check()?;
        Ok(invitation)
    }
}

impl Contact {
    /// The contact with this text.
    ///
    /// # Errors
    /// [`Error::Letter`] when it is empty, too long, or has characters that letters may not have.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let contact = Self(text.into());
        contact.check()?;
        Ok(contact)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(redacted)")
    }
}

impl Serialize for Contact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Characters that change how a terminal shows what is around them: controls, and marks that turn the direction of text.
fn is_unsafe(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && character != '\n')
}

fn check_text(what: &'static str, place: &str, text: &str, bytes_max: usize) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Letter { what, why });
    if text.trim().is_empty() {
        return refuse(format!("its {place} is empty; write one"));
    }
    if text.len() > bytes_max {
        return refuse(format!("its {place} has {} bytes; write at most {bytes_max}", text.len()));
    }
    match text.chars().find(|character| is_unsafe(*character)) {
        Some(character) => refuse(format!("its {place} has the character U+{:04X}; remove it", u32::from(character))),
        None => Ok(()),
    }
}

impl Letter for Invitation {
    const NAME: &'static str = "invitation";
    const BYTES: usize = INVITATION_BYTES;

    fn check(&self) -> Result<(), Error> {
        check_text(Self::NAME, "title", &self.title, INVITATION_TITLE_BYTES_MAX)?;
        check_text(Self::NAME, "text about the trial", &self.about, INVITATION_TEXT_BYTES_MAX)?;
        check_text(Self::NAME, "text on answering", &self.answering, INVITATION_TEXT_BYTES_MAX)
    }
}

impl Letter for Contact {
    const NAME: &'static str = "contact";
    const BYTES: usize = CONTACT_BYTES;

    fn check(&self) -> Result<(), Error> {
        check_text(Self::NAME, "text", &self.0, CONTACT_BYTES_MAX)
    }
}

/// Bytes of a sealed letter of a kind.
pub(super) const fn sealed_bytes<L: Letter>() -> usize {
    L::BYTES + SEALED_OVERHEAD_BYTES
}

/// What an invitation is sealed for: the response that it is to.
pub(super) fn invitation_context(
    chain: &ChainId,
    id: ScreeningId,
    index: ResponseIndex,
    reply: &AccountId,
) -> SealingContext {
    let parts: [&[u8]; 3] = [id.as_bytes(), &index.get().to_le_bytes(), reply.as_bytes()];
    SealingContext::new(ByteTag::Invitation, chain, &parts)
}

/// What a contact is sealed for: the invitation that it answers.
pub(super) fn contact_context(
    chain: &ChainId,
    id: ScreeningId,
    index: ResponseIndex,
    invitation: &Digest,
) -> SealingContext {
    let parts: [&[u8]; 3] = [id.as_bytes(), &index.get().to_le_bytes(), invitation.as_bytes()];
    SealingContext::new(ByteTag::Contact, chain, &parts)
}

/// The letter's bytes with zeros at the end, so that all of a kind have one length.
pub(super) fn padded<L: Letter>(letter: &L) -> Result<Zeroizing<Vec<u8>>, Error> {
    letter.check()?;
    let refused = |why: String| Error::Letter { what: L::NAME, why };
    let mut bytes = Zeroizing::new(Vec::with_capacity(L::BYTES));
    letter.serialize(&mut *bytes).map_err(|error| refused(error.to_string()))?;
    bytes.resize(L::BYTES, 0);
    Ok(bytes)
}

/// Seals a letter under fresh randomness.
pub(super) fn seal_letter<L: Letter>(
    reader: &SealingPublicKey,
    context: &SealingContext,
    letter: &L,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Error> {
    seal(reader, context, &padded(letter)?, rng)
}

/// Opens a letter, and checks it as its writer should have.
///
/// # Errors
/// [`Error::Sealing`] when it does not open, [`Error::Letter`] when what opens is none of its kind.
pub(super) fn open_letter<L: Letter>(
    secret: &SealingSecretKey,
    context: &SealingContext,
    sealed: &[u8],
) -> Result<L, Error> {
    let bytes = open(secret, context, sealed)?;
    let refused = |why: &str| Error::Letter { what: L::NAME, why: format!("{why}; its writer has to send another") };
    if bytes.len() != L::BYTES {
        return Err(refused("it has another length than all of its kind"));
    }
    let mut rest = bytes.as_slice();
    let letter = L::deserialize(&mut rest).map_err(|_| refused("it does not decode"))?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(refused("something follows its end"));
    }
    letter.check()?;
    Ok(letter)
}
