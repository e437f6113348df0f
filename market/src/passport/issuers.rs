//! The issuers that an operator trusts, with their keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use circuits::id::AccountId;
use jsonwebtoken::{
    Algorithm,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use serde::{Deserialize, Serialize};

use super::{IdentityRegister, Policy, Requirement, VisaIdentity, refused};
use crate::Error;

/// Issuers that one file lists at most.
pub const ISSUERS_MAX: usize = 256;
/// Keys of an issuer.
pub const KEYS_MAX: usize = 64;
/// The largest file of trusted issuers.
pub const TRUST_BYTES_MAX: u64 = 1 << 20;
/// The largest file of keys.
pub const JWKS_BYTES_MAX: u64 = 1 << 20;
/// Bytes of the smallest RSA modulus.
const RSA_BYTES_MIN: usize = 256;

/// How visas are signed: with a key pair. `none` and the symmetric algorithms are not among them, so that no public key
/// is ever taken for a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3).
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256 (RFC 7518, 3.5).
    PS256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4).
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519 (RFC 8037).
    EdDSA,
}

impl SigningAlgorithm {
    /// The algorithm of a token's `alg`.
    pub(super) fn of_header(name: &str) -> Option<Self> {
        let all = [Self::RS256, Self::RS512, Self::PS256, Self::ES256, Self::ES384, Self::EdDSA];
        all.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Its name in a token's header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    pub(super) const fn of_library(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }

    /// Whether a key is of the kind that the algorithm signs with.
    pub(super) fn fits(self, key: &Jwk) -> bool {
        match (self, &key.algorithm) {
            (Self::RS256 | Self::RS512 | Self::PS256, AlgorithmParameters::RSA(_)) => true,
            (Self::ES256, AlgorithmParameters::EllipticCurve(key)) => key.curve == EllipticCurve::P256,
            (Self::ES384, AlgorithmParameters::EllipticCurve(key)) => key.curve == EllipticCurve::P384,
            (Self::EdDSA, AlgorithmParameters::OctetKeyPair(key)) => key.curve == EllipticCurve::Ed25519,
            _ => false,
        }
    }
}

/// The two that the AAI profile demands of every issuer to choose from.
fn usual() -> BTreeSet<SigningAlgorithm> {
    BTreeSet::from([SigningAlgorithm::RS256, SigningAlgorithm::ES256])
}

/// An issuer as the file lists it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    iss: String,
    /// The issuer's keys, a JSON Web Key Set (RFC 7517) in a file beside this one. Nothing is fetched.
    jwks: PathBuf,
    /// The address under which the issuer publishes that set, if its tokens may name it.
    #[serde(default)]
    jku: Option<String>,
    /// The audience that its tokens must name; without it they may name none.
    #[serde(default)]
    audience: Option<String>,
    #[serde(default = "usual")]
    algorithms: BTreeSet<SigningAlgorithm>,
}

/// Who has an account, as whoever wrote the file knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedResearcher {
    account: AccountId,
    iss: String,
    sub: String,
}

/// A file of trusted issuers, of what is demanded of a researcher, and of researchers that are known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    issuer: Vec<Listed>,
    #[serde(default)]
    require: Vec<Requirement>,
    #[serde(default)]
    researcher: Vec<ListedResearcher>,
}

/// An issuer whose visas count.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    keys: BTreeMap<String, Jwk>,
    jku: Option<String>,
    audience: Option<String>,
    algorithms: BTreeSet<SigningAlgorithm>,
}

impl TrustedIssuer {
    /// An issuer with a key set in JSON.
    ///
    /// # Errors
    /// [`Error::Passport`] for what is no key set, more than [`KEYS_MAX`] keys or none, a key without an id or with
    /// that of another, one that is symmetric, not for signatures, or an RSA key below 2,048 bits.
    pub fn new(
        jwks: &str,
        jku: Option<String>,
        audience: Option<String>,
        algorithms: BTreeSet<SigningAlgorithm>,
    ) -> Result<Self, Error> {
        if jwks.len() as u64 > JWKS_BYTES_MAX {
            return Err(refused(format!("a key set has at most {JWKS_BYTES_MAX} bytes")));
        }
        if algorithms.is_empty() {
            return Err(refused(
                "an issuer signs with at least one algorithm; leave algorithms out for RS256 and ES256".into(),
            ));
        }
        let set: JwkSet =
            serde_json::from_str(jwks).map_err(|error| refused(format!("this is no key set: {error}")))?;
        if set.keys.is_empty() || set.keys.len() > KEYS_MAX {
            return Err(refused(format!("a key set has 1 to {KEYS_MAX} keys, and this one has {}", set.keys.len())));
        }
        let mut keys = BTreeMap::new();
        for key in set.keys {
            let id = key
                .common
                .key_id
                .clone()
                .ok_or_else(|| refused("a key has no kid, and tokens name keys by it".into()))?;
            check_key(&id, &key)?;
            if keys.insert(id.clone(), key).is_some() {
                return Err(refused(format!("two keys have the kid {id:?}")));
            }
        }
        Ok(Self { keys, jku, audience, algorithms })
    }

    /// The key of an id.
    pub(super) fn key(&self, id: &str) -> Option<&Jwk> {
        self.keys.get(id)
    }

    /// The address of its keys that tokens may name.
    pub(super) fn jku(&self) -> Option<&str> {
        self.jku.as_deref()
    }

    /// The audience that tokens must name.
    pub(super) fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// Whether it signs with an algorithm.
    pub(super) fn signs_with(&self, algorithm: SigningAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }
}

fn check_key(id: &str, key: &Jwk) -> Result<(), Error> {
    if key.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return Err(refused(format!("the key {id:?} is not for signatures; remove it from the file")));
    }
    match &key.algorithm {
        AlgorithmParameters::OctetKey(_) => {
            Err(refused(format!("the key {id:?} is a shared secret, and whoever knows it could sign; remove it")))
        }
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).unwrap_or_default();
            let bytes = modulus.iter().skip_while(|byte| **byte == 0).count();
            let why = format!("the RSA key {id:?} has fewer than 2048 bits; ask the issuer for its current keys");
            if bytes < RSA_BYTES_MIN { Err(refused(why)) } else { Ok(()) }
        }
        AlgorithmParameters::EllipticCurve(_) | AlgorithmParameters::OctetKeyPair(_) => Ok(()),
        _ => Err(refused(format!("the key {id:?} is of a kind that is not known; remove it"))),
    }
}

/// The issuers whose visas count, what a governor or an agent demands, and whose accounts are known.
#[derive(Debug, Clone, Default)]
pub struct TrustedIssuers {
    issuers: BTreeMap<String, TrustedIssuer>,
    policy: Policy,
    register: IdentityRegister,
}

impl TrustedIssuers {
    /// Issuers by their `iss`.
    ///
    /// # Errors
    /// [`Error::Passport`] beyond [`ISSUERS_MAX`].
    pub fn new(issuers: BTreeMap<String, TrustedIssuer>, policy: Policy) -> Result<Self, Error> {
        if issuers.len() > ISSUERS_MAX {
            return Err(refused(format!("at most {ISSUERS_MAX} issuers can be trusted")));
        }
        Ok(Self { issuers, policy, register: IdentityRegister::default() })
    }

    /// The same with researchers whose accounts are known.
    #[must_use]
    pub fn knowing(self, register: IdentityRegister) -> Self {
        Self { register, ..self }
    }

    /// Reads a TOML file: `[[issuer]]` with `iss`, `jwks` (a file, beside this one), `jku`, `audience`, `algorithms`,
    /// `[[require]]` with what visas must say, and `[[researcher]]` with `account`, `iss` and `sub`.
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be read, [`Error::Passport`] that names the file and what is wrong.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let named = |error: &dyn std::fmt::Display| refused(format!("{}: {error}", path.display()));
        let file: TrustFile = toml::from_str(&read(path, TRUST_BYTES_MAX)?).map_err(|error| named(&error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut issuers = BTreeMap::new();
        for listed in file.issuer {
            let keys = folder.join(&listed.jwks);
            let Listed { iss, jku, audience, algorithms, .. } = listed;
            let issuer = TrustedIssuer::new(&read(&keys, JWKS_BYTES_MAX)?, jku, audience, algorithms)
                .map_err(|error| refused(format!("{}: {error}", keys.display())))?;
            if issuers.insert(iss.clone(), issuer).is_some() {
                return Err(named(&format!("the issuer {iss} is listed twice")));
            }
        }
        let mut register = IdentityRegister::default();
        for ListedResearcher { account, iss, sub } in file.researcher {
            register.bind(&BTreeSet::from([VisaIdentity { iss, sub }]), account).map_err(|error| named(&error))?;
        }
        Ok(Self::new(issuers, Policy::new(file.require)?)?.knowing(register))
    }

    /// The researchers whose accounts are known.
    #[must_use]
    pub const fn register(&self) -> &IdentityRegister {
        &self.register
    }

    /// What a governor demands of a researcher's visas, and an agent of what shows an ethics approval.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A trusted issuer.
    pub(super) fn get(&self, iss: &str) -> Option<&TrustedIssuer> {
        self.issuers.get(iss)
    }
}

fn read(path: &Path, bytes_max: u64) -> Result<String, Error> {
    let failed = |source| Error::File { path: path.into(), action: "read the file", source };
    let mut text = String::new();
    fs::File::open(path).map_err(failed)?.take(bytes_max + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > bytes_max {
        return Err(refused(format!("{} is longer than {bytes_max} bytes", path.display())));
    }
    Ok(text)
}
