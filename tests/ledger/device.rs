//! A validator's key outside the node, as a hardware module keeps it: a double with a thread of its own, which the node
//! only asks.

use std::{
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use circuits::id::AccountId;
use ed25519_dalek::SigningKey;
use node::{
    Error,
    consensus::ConsensusSigner,
    signature::{Signature, account_of},
    vote::{Ballot, Statement},
};

/// What the node asks to have signed, and where it waits for the signature.
type Request = (Vec<u8>, Sender<Signature>);

/// What a device signed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signed {
    pub proposals: usize,
    pub votes: usize,
}

pub struct Device {
    account: AccountId,
    requests: Mutex<Sender<Request>>,
    state: Mutex<(bool, Signed)>,
}

impl Device {
    /// A device with this key, plugged in.
    pub fn with(key: SigningKey) -> Self {
        let (requests, asked) = channel();
        let account = account_of(&key);
        thread::spawn(move || serve(&key, &asked));
        Self { account, requests: Mutex::new(requests), state: Mutex::new((true, Signed::default())) }
    }

    pub fn plug(&self, plugged: bool) {
        self.state.lock().unwrap().0 = plugged;
    }

    pub fn signed(&self) -> Signed {
        self.state.lock().unwrap().1
    }
}

fn serve(key: &SigningKey, asked: &Receiver<Request>) {
    for (message, answer) in asked {
        let _ = answer.send(key.sign(&message).unwrap());
    }
}

impl ConsensusSigner for Device {
    fn account(&self) -> AccountId {
        self.account
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        if !self.state.lock().unwrap().0 {
            return Err(Error::Refused { what: "signature", why: "the device is unplugged".into() });
        }
        let (answer, signature) = channel();
        self.requests.lock().unwrap().send((message.into(), answer)).unwrap();
        Ok(signature.recv().unwrap())
    }

    fn sign_ballot(&self, ballot: &Ballot) -> Result<Signature, Error> {
        let signature = self.sign(ballot.message()?.as_bytes())?;
        let signed = &mut self.state.lock().unwrap().1;
        match ballot.statement {
            Statement::Proposal { .. } => signed.proposals += 1,
            Statement::Vote { .. } => signed.votes += 1,
        }
        Ok(signature)
    }
}
