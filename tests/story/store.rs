//! The services behind the node, PostgreSQL and the S3 server, which are killed as everybody is.

use super::chaos::Mortal;
use crate::{postgres::Cluster, s3::S3Server};

/// A service that is killed and comes back.
pub struct Store<'s> {
    service: Service<'s>,
    kills: u32,
}

/// Which it is.
pub enum Service<'s> {
    Database(&'s Cluster),
    Objects(&'s S3Server),
}

impl<'s> Store<'s> {
    pub const fn new(service: Service<'s>) -> Self {
        Self { service, kills: 0 }
    }
}

impl Mortal for Store<'_> {
    fn name(&self) -> &str {
        match self.service {
            Service::Database(_) => "PostgreSQL",
            Service::Objects(_) => "the S3 server",
        }
    }

    fn assert_alive(&mut self) {
        match self.service {
            Service::Database(cluster) => cluster.assert_answers(),
            Service::Objects(server) => server.assert_alive(),
        }
    }

    fn kill(&mut self) {
        match self.service {
            Service::Database(cluster) => cluster.kill(),
            Service::Objects(server) => server.kill(),
        }
        self.kills += 1;
    }

    fn restart(&mut self) {
        match self.service {
            Service::Database(cluster) => cluster.restart(),
            Service::Objects(server) => server.restart(),
        }
    }

    fn kills(&self) -> u32 {
        self.kills
    }

    /// It stays: what it keeps is looked at afterwards.
    fn stop(self: Box<Self>) {}
}
