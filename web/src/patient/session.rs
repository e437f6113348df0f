//! Who is looking: links that work once, and the sessions that they begin. Both are in memory alone.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use node::units::Timestamp;
use rand::CryptoRng;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How long a session lasts at most, in seconds.
pub(crate) const SESSION_SECONDS_MAX: u64 = 12 * 3_600;
/// How long a session lasts without a request, in seconds.
const IDLE_SECONDS_MAX: u64 = 3_600;
/// Sessions of one wallet at a time: one more ends the oldest.
const SESSIONS_OF_WALLET_MAX: usize = 4;

/// 256 random bits. Whoever has them is let in.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

impl Token {
    fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    fn text(&self) -> Zeroizing<String> {
        URL_SAFE_NO_PAD.encode(self.0).into()
    }

    /// Whether a text says this token, in a time that tells nothing of either.
    fn is(&self, text: &str) -> bool {
        self.text().as_bytes().ct_eq(text.as_bytes()).into()
    }
}

#[derive(Debug)]
struct Session {
    token: Token,
    /// What every form of the session carries.
    form: Token,
    wallet: usize,
    begun: Timestamp,
    seen: Timestamp,
}

impl Session {
    fn has_ended(&self, now: Timestamp) -> bool {
        let since = |then: Timestamp| now.get().saturating_sub(then.get());
        since(self.begun) >= SESSION_SECONDS_MAX || since(self.seen) >= IDLE_SECONDS_MAX
    }
}

/// Somebody with a session.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// The one wallet that they see.
    pub(crate) wallet: usize,
    /// What their forms must carry.
    pub(crate) form_token: Zeroizing<String>,
}

impl Visitor {
    /// Whether a form carries this session's token, compared in constant time.
    pub(crate) fn sent(&self, token: &str) -> bool {
        self.form_token.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// Links and sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    links: Vec<(Token, usize)>,
    sessions: Vec<Session>,
}

impl Sessions {
    /// A new link to a wallet, in place of one that was not used.
    pub(super) fn link(&mut self, wallet: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Zeroizing<String> {
        let token = Token::random(rng);
        let text = token.text();
        self.links.retain(|(_, other)| *other != wallet);
        self.links.push((token, wallet));
        text
    }

    pub(super) fn has_link(&self, text: &str) -> bool {
        self.links.iter().any(|(token, _)| token.is(text))
    }

    /// Uses a link: the cookie's text, and the wallet.
    pub(super) fn enter(
        &mut self,
        text: &str,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<(Zeroizing<String>, usize)> {
        let place = self.links.iter().position(|(token, _)| token.is(text))?;
        let (_, wallet) = self.links.remove(place);
        self.sessions.retain(|session| !session.has_ended(now));
        let of_wallet = self.sessions.iter().filter(|session| session.wallet == wallet).count();
        if of_wallet >= SESSIONS_OF_WALLET_MAX
            && let Some(oldest) = self.sessions.iter().position(|session| session.wallet == wallet)
        {
            self.sessions.remove(oldest);
        }
        let token = Token::random(rng);
        let cookie = token.text();
        self.sessions.push(Session { token, form: Token::random(rng), wallet, begun: now, seen: now });
        Some((cookie, wallet))
    }

    pub(super) fn visitor(&mut self, cookie: &str, now: Timestamp) -> Option<Visitor> {
        self.sessions.retain(|session| !session.has_ended(now));
        let session = self.sessions.iter_mut().find(|session| session.token.is(cookie))?;
        session.seen = now;
        Some(Visitor { wallet: session.wallet, form_token: session.form.text() })
    }

    /// Ends every session of a wallet.
    pub(super) fn leave_all(&mut self, wallet: usize) {
        self.sessions.retain(|session| session.wallet != wallet);
    }

    pub(super) fn leave(&mut self, cookie: &str) {
        self.sessions.retain(|session| !session.token.is(cookie));
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    const NOW: Timestamp = Timestamp::new(1_000_000);

    fn later(seconds: u64) -> Timestamp {
        Timestamp::new(NOW.get() + seconds)
    }

    fn entered() -> (Sessions, Zeroizing<String>) {
        let (mut sessions, mut rng) = (Sessions::default(), StdRng::seed_from_u64(1));
        let link = sessions.link(3, &mut rng);
        let (cookie, wallet) = sessions.enter(&link, NOW, &mut rng).unwrap();
        assert_eq!(wallet, 3);
        assert!(sessions.enter(&link, NOW, &mut rng).is_none(), "a link works once");
        (sessions, cookie)
    }

    #[test]
    fn a_link_begins_one_session_that_sees_its_wallet() {
        let (mut sessions, cookie) = entered();
        let visitor = sessions.visitor(&cookie, NOW).unwrap();
        assert_eq!(visitor.wallet, 3);
        assert!(visitor.sent(&visitor.form_token.clone()) && !visitor.sent("") && !visitor.sent(&cookie));
        for wrong in ["", "x", &cookie[1..], &format!("{}x", *cookie)] {
            assert!(sessions.visitor(wrong, NOW).is_none(), "{wrong}");
        }
        sessions.leave(&cookie);
        assert!(sessions.visitor(&cookie, NOW).is_none(), "signed out");
    }

    #[test]
    fn every_browser_of_one_wallet_is_signed_out_at_once_and_nobody_elses() {
        let (mut sessions, first) = entered();
        let mut rng = StdRng::seed_from_u64(3);
        let mut enter = |sessions: &mut Sessions, wallet| {
            let link = sessions.link(wallet, &mut rng);
            sessions.enter(&link, NOW, &mut rng).unwrap().0
        };
        let (second, foreign) = (enter(&mut sessions, 3), enter(&mut sessions, 4));
        sessions.leave_all(3);
        assert!(sessions.visitor(&first, NOW).is_none() && sessions.visitor(&second, NOW).is_none());
        assert!(sessions.visitor(&foreign, NOW).is_some());
    }

    #[test]
    fn a_new_link_ends_the_one_before() {
        let (mut sessions, mut rng) = (Sessions::default(), StdRng::seed_from_u64(1));
        let (first, other) = (sessions.link(0, &mut rng), sessions.link(1, &mut rng));
        let second = sessions.link(0, &mut rng);
        assert!(!sessions.has_link(&first) && sessions.has_link(&second) && sessions.has_link(&other));
    }

    #[test]
    fn a_session_ends_when_it_is_idle_or_old() {
        let (mut sessions, cookie) = entered();
        assert!(sessions.visitor(&cookie, later(IDLE_SECONDS_MAX - 1)).is_some());
        assert!(sessions.visitor(&cookie, later(2 * IDLE_SECONDS_MAX - 2)).is_some(), "it was used meanwhile");
        assert!(sessions.visitor(&cookie, later(3 * IDLE_SECONDS_MAX)).is_none());
        let (mut sessions, cookie) = entered();
        for seconds in (0..SESSION_SECONDS_MAX).step_by(1_000) {
            assert!(sessions.visitor(&cookie, later(seconds)).is_some());
        }
        assert!(sessions.visitor(&cookie, later(SESSION_SECONDS_MAX)).is_none());
    }

    #[test]
    fn the_oldest_of_too_many_sessions_ends() {
        let (mut sessions, first) = entered();
        let mut rng = StdRng::seed_from_u64(2);
        for _ in 0..SESSIONS_OF_WALLET_MAX {
            let link = sessions.link(3, &mut rng);
            sessions.enter(&link, NOW, &mut rng).unwrap();
        }
        assert!(sessions.visitor(&first, NOW).is_none());
        assert_eq!(sessions.sessions.len(), SESSIONS_OF_WALLET_MAX);
    }
}
