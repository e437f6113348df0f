//! How a node names itself to others, and what it publishes.

use std::sync::Arc;

use actix_web::http::Uri;
use circuits::id::ChainId;
use market::data_use::DiseaseNames;

use super::ServedBeacon;
use crate::Error;

/// The longest name of an organisation, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// How a node names itself to GA4GH clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The node's service id.
    pub(super) node: String,
    /// The Beacon's id.
    pub(super) beacon: String,
    /// Who runs it.
    pub(in crate::api) organization: String,
    /// The page of who runs it.
    pub(in crate::api) organization_url: String,
    /// Where clients reach this server, without a slash at the end.
    pub(in crate::api) public_url: String,
}

impl Identity {
    /// An identity of a chain's node. `id` is a name that no other service has, `org.example.locus`; without one the
    /// chain's id is used, which its other nodes share.
    ///
    /// # Errors
    /// [`Error::Input`] for an address that is no URL of a server, and for an empty or overlong name.
    pub fn new(
        chain: ChainId,
        id: Option<String>,
        organization: String,
        organization_url: Option<&str>,
        public_url: &str,
    ) -> Result<Self, Error> {
        let id = id.unwrap_or_else(|| format!("locus.{chain}"));
        if [&id, &organization].into_iter().any(|name| name.trim().is_empty() || name.len() > NAME_BYTES_MAX) {
            let why = format!("the service's id and the organisation's name have 1 to {NAME_BYTES_MAX} bytes");
            return Err(Error::Input { what: "identity", why });
        }
        let public_url = server_url(public_url)?;
        let organization_url = organization_url.map_or_else(|| Ok(public_url.clone()), server_url)?;
        Ok(Self {
            node: format!("{id}.node"),
            beacon: format!("{id}.beacon"),
            organization,
            organization_url,
            public_url,
        })
    }
}

impl Identity {
    /// Where clients reach this server.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Where people open its pages: a machine's own address by its name, under which passkeys work.
    pub(crate) fn pages_url(&self) -> String {
        self.public_url.replacen("://127.0.0.1", "://localhost", 1)
    }

    /// Whether that address is of the machine that asks, whichever it is.
    pub(crate) fn is_local(&self) -> bool {
        let host = self.authority();
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| host == *own || host.starts_with(&format!("{own}:")))
    }

    /// The host that clients name, and its port unless it is the scheme's own.
    pub(in crate::api) fn authority(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// The service's id, without the suffix of one of its services.
    pub(in crate::api) fn id(&self) -> &str {
        self.node.strip_suffix(".node").unwrap_or(&self.node)
    }
}

/// A URL of a server, without a slash at the end.
fn server_url(text: &str) -> Result<String, Error> {
    let url: Option<Uri> = text.parse().ok();
    let sound = url.is_some_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some());
    if !sound || text.contains(['?', '#']) {
        let why = format!("{text:?} is no URL of a server; write https://locus.example.org");
        return Err(Error::Input { what: "address", why });
    }
    Ok(text.trim_end_matches('/').into())
}

/// What a node publishes, and as whom.
#[derive(Debug, Clone)]
pub struct Publishing {
    /// As whom.
    pub identity: Identity,
    /// Released sums whose receipts verified; nothing is published without them.
    pub beacon: Option<ServedBeacon>,
    /// Diseases by name, for who builds a query; none are known without them.
    pub diseases: Option<Arc<DiseaseNames>>,
}

impl Publishing {
    /// Nothing, by a node of this chain that names itself by the chain alone.
    #[must_use]
    pub fn nothing(chain: ChainId) -> Self {
        let (node, beacon) = (format!("locus.{chain}.node"), format!("locus.{chain}.beacon"));
        let url = "http://127.0.0.1:8480".to_owned();
        let identity =
            Identity { node, beacon, organization: "unnamed".into(), organization_url: url.clone(), public_url: url };
        Self { identity, beacon: None, diseases: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: Option<&str>, organization: &str, url: &str) -> Result<Identity, Error> {
        let chain = ChainId::from_bytes([7; 32]);
        Identity::new(chain, id.map(Into::into), organization.into(), None, url)
    }

    #[test]
    fn an_identity_has_ids_of_its_own_for_the_node_and_its_beacon() {
        let identity = identity(Some("org.example"), "Example", "https://example.org/locus/").unwrap();
        assert_eq!((identity.node.as_str(), identity.beacon.as_str()), ("org.example.node", "org.example.beacon"));
        assert_eq!(identity.public_url, "https://example.org/locus");
        assert_eq!(identity.organization_url, identity.public_url);
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for url in
            ["", "example.org", "/here", "ftp://example.org", "javascript:alert(1)", "https://a.org/?x=1", "http://"]
        {
            assert!(identity(None, "Example", url).is_err(), "{url}");
        }
        assert!(identity(None, " ", "https://example.org").is_err());
        assert!(identity(Some(&"x".repeat(300)), "Example", "https://example.org").is_err());
    }
}
