//! Who may do what: one table for every endpoint that is not for everybody. What it does not list is denied.
//!
//! A role is toward one thing. Whoever owns a dataset is its owner, and a stranger to every other one. A handler gets a
//! [`Permit`] or nothing, and what reads protected bytes takes a permit.

/// What somebody is to a thing or to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Anybody whose signature counts.
    Anyone,
    /// Who is signed in to the account of the service.
    Holder,
    /// Who offered the dataset.
    Owner,
    /// Who serves the dataset.
    Custodian,
    /// Who holds an active licence of the dataset.
    Licensee,
    /// An accredited researcher.
    Researcher,
    /// An accredited account that pays for a study or recruits for it.
    Sponsor,
    /// An accredited issuer.
    Issuer,
    /// A member of the committee.
    CommitteeMember,
    /// A validator.
    Validator,
    /// The governor.
    Governor,
    /// Who checks what is published: anybody may, and for it nobody gets more than anybody.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::Anyone,
        Self::Holder,
        Self::Owner,
        Self::Custodian,
        Self::Licensee,
        Self::Researcher,
        Self::Sponsor,
        Self::Issuer,
        Self::CommitteeMember,
        Self::Validator,
        Self::Governor,
        Self::Auditor,
    ];
}

/// Whether the thing asked for is the one that the role is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// It is.
    Own,
    /// The role is about another one.
    Foreign,
}

impl Whose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Own, Self::Foreign];
}

/// What is asked of a protected endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `GET /ga4gh/drs/v1/objects/{object_id}`.
    DescribeObject,
    /// `GET /ga4gh/drs/v1/objects/{object_id}/access/{access_id}`.
    LocateObject,
    /// `GET /v1/datasets/{id}/header`: the caller's own header.
    ReadHeader,
    /// `GET /v1/datasets/{id}/body`.
    ReadBody,
    /// `GET /v1/me` and the page `/you`.
    ReadAccount,
    /// Whatever changes the account: its name, passkeys, sessions, and links to others.
    ChangeAccount,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 6] = [
        Self::DescribeObject,
        Self::LocateObject,
        Self::ReadHeader,
        Self::ReadBody,
        Self::ReadAccount,
        Self::ChangeAccount,
    ];
}

/// The table. Being accredited, a sponsor, an auditor, a validator or the governor gives nobody somebody else's genome.
const fn allows(role: Role, whose: Whose, operation: Operation) -> bool {
    use Operation::{ChangeAccount, DescribeObject, LocateObject, ReadAccount, ReadBody, ReadHeader};
    match (role, whose, operation) {
        (
            Role::Owner | Role::Custodian | Role::Licensee,
            Whose::Own,
            DescribeObject | LocateObject | ReadHeader | ReadBody,
        ) => true,
        (Role::Holder, Whose::Own, ReadAccount | ChangeAccount) => true,
        (
            Role::Anyone
            | Role::Holder
            | Role::Owner
            | Role::Custodian
            | Role::Licensee
            | Role::Researcher
            | Role::Sponsor
            | Role::Issuer
            | Role::CommitteeMember
            | Role::Validator
            | Role::Governor
            | Role::Auditor,
            Whose::Own | Whose::Foreign,
            _,
        ) => false,
    }
}

/// That a role allows an operation. Made by [`permit`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    role: Role,
    operation: Operation,
}

impl Permit {
    /// The role that allows it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What is allowed.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }
}

/// The permit of the first role that allows an operation; `None` when none does.
#[must_use]
pub fn permit(roles: &[(Role, Whose)], operation: Operation) -> Option<Permit> {
    let allowing = roles.iter().find(|(role, whose)| allows(*role, *whose, operation));
    allowing.map(|(role, _)| Permit { role: *role, operation })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table once more, as a person reads it: role, operation, and whether its own thing is given.
    const GIVEN: [(Role, [bool; 6]); 12] = [
        (Role::Anyone, [false; 6]),
        (Role::Holder, [false, false, false, false, true, true]),
        (Role::Owner, [true, true, true, true, false, false]),
        (Role::Custodian, [true, true, true, true, false, false]),
        (Role::Licensee, [true, true, true, true, false, false]),
        (Role::Researcher, [false; 6]),
        (Role::Sponsor, [false; 6]),
        (Role::Issuer, [false; 6]),
        (Role::CommitteeMember, [false; 6]),
        (Role::Validator, [false; 6]),
        (Role::Governor, [false; 6]),
        (Role::Auditor, [false; 6]),
    ];

    #[test]
    fn every_role_may_do_what_the_table_says_and_nothing_with_what_is_foreign() {
        assert_eq!(GIVEN.map(|(role, _)| role), Role::ALL);
        for (role, given) in GIVEN {
            for (operation, given) in Operation::ALL.into_iter().zip(given) {
                let own = permit(&[(role, Whose::Own)], operation);
                assert_eq!(own, given.then_some(Permit { role, operation }), "{role:?} {operation:?}");
                assert_eq!(permit(&[(role, Whose::Foreign)], operation), None, "{role:?} {operation:?}");
            }
        }
    }

    #[test]
    fn no_number_of_roles_toward_other_things_adds_up_to_a_permit() {
        let foreign = Role::ALL.map(|role| (role, Whose::Foreign));
        for operation in Operation::ALL {
            assert_eq!(permit(&foreign, operation), None);
            assert_eq!(permit(&[], operation), None);
        }
    }

    #[test]
    fn the_first_role_that_allows_is_the_one_that_is_told() {
        let roles = [(Role::Researcher, Whose::Own), (Role::Owner, Whose::Foreign), (Role::Licensee, Whose::Own)];
        let given = permit(&roles, Operation::ReadBody).unwrap();
        assert_eq!((given.role(), given.operation()), (Role::Licensee, Operation::ReadBody));
    }
}
