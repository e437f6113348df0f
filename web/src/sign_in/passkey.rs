//! The two ceremonies of WebAuthn (Level 3, §7.1 and §7.2), as the library checks them. Nothing is stored here.

use borsh::{BorshDeserialize, BorshSerialize};
use market::accounts::{self, Credential, ServiceAccountId};
use serde_json::Value;
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
    bin::{Decode, Encode},
    request::{
        PublicKeyCredentialDescriptor,
        auth::AuthenticationVerificationOptions,
        register::{PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle16},
    },
    response::{
        AuthTransports, CredentialId,
        register::{CompressedPubKey, DynamicState, StaticState},
    },
};

use super::site::RelyingParty;
use crate::Error;

/// The key of a passkey as the library reads it back.
type StoredKey = StaticState<CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>>;

/// A passkey as its column holds it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Stored {
    /// The public key and what never changes.
    fixed: Vec<u8>,
    /// The counter and what a use may change.
    moving: [u8; 7],
    /// How a browser reaches its authenticator.
    transports: u8,
}

/// A passkey that was just made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: accounts::CredentialId,
    pub(super) public_key: Vec<u8>,
}

/// A passkey's answer, read and not believed.
#[derive(Debug)]
pub(super) struct UnverifiedAnswer(DiscoverableAuthentication<16>);

fn refused(why: impl std::fmt::Display) -> Error {
    Error::SignIn { why: format!("the passkey's answer does not count ({why}); begin again") }
}

fn internal(why: impl std::fmt::Display) -> Error {
    Error::Internal { action: "begin with a passkey", why: why.to_string() }
}

fn handle(account: ServiceAccountId) -> UserHandle16 {
    let Ok(handle) = UserHandle16::decode(*account.as_bytes());
    handle
}

fn stored(credential: &Credential) -> Result<Stored, Error> {
    let unreadable = |_| internal("a stored passkey does not decode; restore the database");
    borsh::from_slice(&credential.public_key).map_err(unreadable)
}

/// What a browser is asked to make a passkey from, and what is kept until it did. Passkeys that the account has are named,
/// so that no authenticator makes a second.
///
/// # Errors
/// [`Error::Internal`] when a stored passkey does not decode.
pub(super) fn begin_registration(
    party: &RelyingParty,
    account: ServiceAccountId,
    name: &str,
    existing: &[Credential],
) -> Result<(Vec<u8>, Value), Error> {
    let mut excluded = vec![];
    for credential in existing {
        let id = CredentialId::decode(credential.id.as_bytes().to_vec()).map_err(internal)?;
        let transports = AuthTransports::decode(stored(credential)?.transports).map_err(internal)?;
        excluded.push(PublicKeyCredentialDescriptor { id, transports });
    }
    let handle = handle(account);
    let user = PublicKeyCredentialUserEntity::from(&handle);
    let mut options = PublicKeyCredentialCreationOptions::passkey(&party.id, user, excluded);
    // Every sign-in asks for the person's consent; whether an authenticator enforces that by itself does not matter, and
    // asking it to would shut out those that cannot.
    options.extensions.cred_protect = webauthn_rp::request::register::CredProtect::None;
    let (kept, asked) = options.start_ceremony().map_err(internal)?;
    let mut asked = serde_json::to_value(&asked).map_err(internal)?;
    // The library takes user names alone, without spaces; here people have names (WebAuthn §5.4.3 allows any text).
    if let Some(user) = asked.get_mut("user").and_then(Value::as_object_mut) {
        user.insert("name".into(), name.into());
        user.insert("displayName".into(), name.into());
    }
    Ok((kept.encode().map_err(internal)?, asked))
}

/// The passkey that a browser made.
///
/// # Errors
/// [`Error::SignIn`] for one that was not made for this server, this ceremony or by consent.
pub(super) fn end_registration(party: &RelyingParty, kept: &[u8], answer: &[u8]) -> Result<Made, Error> {
    let kept = RegistrationServerState::<16>::decode(kept).map_err(internal)?;
    let answer = Registration::from_json_relaxed(answer).map_err(refused)?;
    let origins = [party.origin.as_str()];
    let options = RegistrationVerificationOptions::<&str, &str> {
        allowed_origins: &origins,
        // Browsers add extensions of their own accord.
        error_on_unsolicited_extensions: false,
        ..RegistrationVerificationOptions::default()
    };
    let made = kept.verify(&party.id, &answer, &options).map_err(refused)?;
    let (Ok(fixed), Ok(moving), Ok(transports)) =
        (made.static_state().encode(), made.dynamic_state().encode(), made.transports().encode());
    let public_key = borsh::to_vec(&Stored { fixed, moving, transports }).map_err(internal)?;
    Ok(Made { id: accounts::CredentialId::new(made.id().as_ref().to_vec())?, public_key })
}

/// What a browser is asked to sign with any passkey for this server, and what is kept until it did.
///
/// # Errors
/// [`Error::Internal`] when the library fails.
pub(super) fn begin_authentication(party: &RelyingParty) -> Result<(Vec<u8>, Value), Error> {
    let (kept, asked) = DiscoverableCredentialRequestOptions::passkey(&party.id).start_ceremony().map_err(internal)?;
    Ok((kept.encode().map_err(internal)?, serde_json::to_value(&asked).map_err(internal)?))
}

impl UnverifiedAnswer {
    /// Reads an answer in the form of `PublicKeyCredential.toJSON`.
    ///
    /// # Errors
    /// [`Error::SignIn`] when it does not decode.
    pub(super) fn read(answer: &[u8]) -> Result<Self, Error> {
        DiscoverableAuthentication::from_json_relaxed(answer).map(Self).map_err(refused)
    }

    /// Which passkey it says it is.
    ///
    /// # Errors
    /// [`Error::Market`] for an id that cannot be.
    pub(super) fn credential(&self) -> Result<accounts::CredentialId, Error> {
        Ok(accounts::CredentialId::new(self.0.raw_id().as_ref().to_vec())?)
    }

    /// The passkey as its counter is now, if it signed this ceremony for this server and by consent.
    ///
    /// # Errors
    /// [`Error::SignIn`] that says what does not hold.
    pub(super) fn verify(&self, party: &RelyingParty, kept: &[u8], passkey: &Credential) -> Result<Vec<u8>, Error> {
        let kept = DiscoverableAuthenticationServerState::decode(kept).map_err(internal)?;
        let mut stored = stored(passkey)?;
        let fixed = StoredKey::decode(&stored.fixed).map_err(internal)?;
        let moving = DynamicState::decode(stored.moving).map_err(internal)?;
        let handle = handle(passkey.account);
        let id = CredentialId::<&[u8]>::decode(passkey.id.as_bytes()).map_err(internal)?;
        let mut known = AuthenticatedCredential::new(id, &handle, fixed, moving).map_err(internal)?;
        let origins = [party.origin.as_str()];
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        kept.verify(&party.id, &self.0, &mut known, &options).map_err(refused)?;
        let Ok(moving) = known.dynamic_state().encode();
        stored.moving = moving;
        borsh::to_vec(&stored).map_err(internal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sign_in::Site;

    fn party() -> RelyingParty {
        Site::for_tests("https://locus.example.org").relying_party().unwrap()
    }

    #[test]
    fn a_browser_is_asked_for_a_passkey_of_this_server_under_the_persons_name() {
        let (kept, asked) =
            begin_registration(&party(), ServiceAccountId::from_bytes([7; 16]), "Ada Lovelace", &[]).unwrap();
        assert_eq!(asked["rp"]["id"], "locus.example.org");
        assert_eq!(asked["user"]["name"], "Ada Lovelace");
        assert_eq!(asked["user"]["id"], "BwcHBwcHBwcHBwcHBwcHBw");
        assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        assert!(kept.len() < 256);
        let (_, asked) = begin_authentication(&party()).unwrap();
        assert_eq!(
            (asked["rpId"].as_str(), asked["userVerification"].as_str()),
            (Some("locus.example.org"), Some("required"))
        );
        assert_eq!(asked["allowCredentials"], serde_json::json!([]));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_decoders_panic(answer in prop::collection::vec(any::<u8>(), 0..200)) {
            let (kept, _) =
                begin_registration(&party(), ServiceAccountId::from_bytes([7; 16]), "Ada", &[]).unwrap();
            prop_assert!(end_registration(&party(), &kept, &answer).is_err());
            prop_assert!(UnverifiedAnswer::read(&answer).is_err());
        }
    }
}
