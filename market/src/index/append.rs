//! What a block adds to the index: one SQL transaction, from the block and its events alone.

use circuits::id::{AccountId, QueryId, ScreeningId};
use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, insert_into, update, upsert::excluded};
use node::{
    block::Block,
    event::Event,
    transaction::{Action, Transaction},
    units::ContributionIndex,
};

use super::{
    books::Books,
    page::{Role, Sequence, Stage},
    schema::{
        account_transactions, blocks, contributions, datasets, licences, parties, position, queries, schemas,
        screenings, studies, transactions,
    },
};
use crate::{
    Error,
    database::{DatabaseConnection, on_each, signed, storable},
};

/// A transaction and where it lies.
struct Placed<'a> {
    sequence: Sequence,
    transaction: &'a Transaction,
}

impl Placed<'_> {
    fn column(&self) -> i64 {
        signed(self.sequence.get())
    }
}

/// Writes a block's rows and the new position. The caller holds the SQL transaction.
pub(super) fn append(connection: &mut DatabaseConnection, block: &Block, events: &[Vec<Event>]) -> Result<(), Error> {
    let height = block.header.height;
    let header = block.header.hash()?;
    let at = signed(Sequence::of(height, 0).get());
    insert_into(blocks::table)
        .values((
            blocks::sequence.eq(at),
            blocks::header.eq(header.as_bytes().as_slice()),
            blocks::time.eq(signed(block.header.time.get())),
            blocks::epoch.eq(i64::from(block.header.epoch.get())),
            blocks::transactions.eq(i64::from(block.header.transaction_count)),
        ))
        .execute(connection)?;
    for ((place, transaction), events) in (0u32..).zip(&block.transactions).zip(events) {
        let placed = Placed { sequence: Sequence::of(height, place), transaction };
        append_transaction(connection, &placed)?;
        let mut lines = 0;
        for event in events {
            append_event(connection, &placed, event)?;
            let mut books = Books::of(connection, placed.sequence, lines);
            books.record(transaction, event)?;
            lines = books.lines();
        }
    }
    update(position::table)
        .set((position::height.eq(signed(height.get())), position::tip.eq(header.as_bytes().as_slice())))
        .execute(connection)?;
    Ok(())
}

fn append_transaction(connection: &mut DatabaseConnection, placed: &Placed<'_>) -> Result<(), Error> {
    let id = placed.transaction.id()?.digest();
    insert_into(transactions::table)
        .values((
            transactions::sequence.eq(placed.column()),
            transactions::id.eq(id.as_bytes().as_slice()),
            transactions::action.eq(action_name(placed.transaction)),
        ))
        .execute(connection)?;
    match placed.transaction {
        Transaction::Signed(signed) => touch(connection, placed, signed.sender)?,
        Transaction::Contribute(contribution) => touch(connection, placed, contribution.payout)?,
        Transaction::Respond(response) => touch(connection, placed, response.reply)?,
    }
    Ok(())
}

/// The action's name in its JSON form.
const fn action_name(transaction: &Transaction) -> &'static str {
    match transaction {
        Transaction::Contribute(_) => "contribute",
        Transaction::Respond(_) => "respond",
        Transaction::Signed(signed) => match &signed.action {
            Action::Govern(_) => "govern",
            Action::RegisterSchema(_) => "register_schema",
            Action::RegisterStudy(_) => "register_study",
            Action::RegisterRecord(_) => "register_record",
            Action::ChangeConsent(_) => "change_consent",
            Action::RevokeConsent(_) => "revoke_consent",
            Action::OpenQuery(_) => "open_query",
            Action::Withdraw(_) => "withdraw",
            Action::Seal(_) => "seal",
            Action::Aggregate(_) => "aggregate",
            Action::SubmitComponents(_) => "submit_components",
            Action::Refund(_) => "refund",
            Action::Transfer(_) => "transfer",
            Action::CommitteeCommit(_) => "committee_commit",
            Action::CommitteeReveal(_) => "committee_reveal",
            Action::CommitteeConfirm(_) => "committee_confirm",
            Action::CommitteeComplain(_) => "committee_complain",
            Action::CommitteeExpire(_) => "committee_expire",
            Action::FalseReceipt(_) => "false_receipt",
            Action::ApproveChange(_) => "approve_change",
            Action::Equivocation(_) => "equivocation",
            Action::WithdrawApproval(_) => "withdraw_approval",
            Action::DesignStudy(_) => "design_study",
            Action::AmendStudy(_) => "amend_study",
            Action::PostOutcome(_) => "post_outcome",
            Action::CloseStudy(_) => "close_study",
            Action::OfferDataset(_) => "offer_dataset",
            Action::WithdrawDataset(_) => "withdraw_dataset",
            Action::RequestLicence(_) => "request_licence",
            Action::GrantLicence(_) => "grant_licence",
            Action::DeclineLicence(_) => "decline_licence",
            Action::ReclaimLicence(_) => "reclaim_licence",
            Action::RevokeLicence(_) => "revoke_licence",
            Action::RecordAccess(_) => "record_access",
            Action::Deposit(_) => "deposit",
            Action::RequestWithdrawal(_) => "request_withdrawal",
            Action::SettleWithdrawal(_) => "settle_withdrawal",
            Action::RejectWithdrawal(_) => "reject_withdrawal",
            Action::OpenScreening(_) => "open_screening",
            Action::Invite(_) => "invite",
            Action::AnswerInvitation(_) => "answer_invitation",
            Action::CloseScreening(_) => "close_screening",
        },
    }
}

fn append_event(connection: &mut DatabaseConnection, placed: &Placed<'_>, event: &Event) -> Result<(), Error> {
    let written = match event {
        Event::IssuerAccredited { account, name } => accredit(connection, placed, Role::Issuer, *account, name),
        Event::IssuerSuspended { account } => suspend(connection, Role::Issuer, *account),
        Event::ResearcherAccredited { account, name } => accredit(connection, placed, Role::Researcher, *account, name),
        Event::ResearcherSuspended { account } => suspend(connection, Role::Researcher, *account),
        Event::SchemaRegistered { schema, name } => {
            let id = schemas::id.eq(schema.as_bytes().as_slice());
            let row = (schemas::sequence.eq(placed.column()), id, schemas::name.eq(storable(name)));
            insert_into(schemas::table).values(row).execute(connection).map(|_| ())
        }
        Event::StudyRegistered { study, researcher } => {
            let row = (
                studies::sequence.eq(placed.column()),
                studies::id.eq(study.as_bytes().as_slice()),
                studies::researcher.eq(researcher.as_bytes().as_slice()),
                studies::title.eq(storable(study_title(placed.transaction))),
            );
            insert_into(studies::table).values(row).execute(connection).map(|_| ())
        }
        Event::QueryOpened { query, researcher, study, .. } => {
            let row = (
                queries::sequence.eq(placed.column()),
                queries::id.eq(query.as_bytes().as_slice()),
                queries::study.eq(study.as_bytes().as_slice()),
                queries::researcher.eq(researcher.as_bytes().as_slice()),
                queries::stage.eq(Stage::Collecting.name()),
                queries::admitted.eq(0),
                queries::surviving.eq(0),
            );
            insert_into(queries::table).values(row).execute(connection).map(|_| ())
        }
        Event::ContributionAdmitted { query, contribution } => admit(connection, placed, *query, *contribution),
        Event::ContributionWithdrawn { query, contribution } => withdraw(connection, *query, *contribution),
        Event::QuerySealed { query, .. } => enter(connection, *query, Stage::Sealed),
        Event::QueryAggregated { query, .. } => enter(connection, *query, Stage::Aggregated),
        Event::QueryReleased { query, .. } => {
            enter(connection, *query, Stage::Released)?;
            touch_payouts(connection, placed, *query)
        }
        Event::QueryRefunded { query, .. } => {
            enter(connection, *query, Stage::Refunded)?;
            touch_researcher(connection, placed, *query)
        }
        Event::DatasetOffered { dataset, owner } => {
            let row = (
                datasets::sequence.eq(placed.column()),
                datasets::id.eq(dataset.as_bytes().as_slice()),
                datasets::owner.eq(owner.as_bytes().as_slice()),
            );
            insert_into(datasets::table).values(row).execute(connection).map(|_| ())
        }
        Event::LicenceRequested { licence, dataset, licensee, .. } => {
            let row = (
                licences::sequence.eq(placed.column()),
                licences::id.eq(licence.as_bytes().as_slice()),
                licences::dataset.eq(dataset.as_bytes().as_slice()),
                licences::licensee.eq(licensee.as_bytes().as_slice()),
            );
            insert_into(licences::table).values(row).execute(connection).map(|_| ())
        }
        Event::ScreeningOpened { screening, sponsor, study, .. } => {
            let row = (
                screenings::sequence.eq(placed.column()),
                screenings::id.eq(screening.as_bytes().as_slice()),
                screenings::study.eq(study.as_bytes().as_slice()),
                screenings::sponsor.eq(sponsor.as_bytes().as_slice()),
                screenings::places.eq(i64::from(screening_places(placed.transaction))),
                screenings::open.eq(true),
                screenings::invited.eq(false),
            );
            insert_into(screenings::table).values(row).execute(connection).map(|_| ())
        }
        Event::ResponseAdmitted { screening, .. } => return take_place(connection, *screening),
        Event::Invited { screening, .. } => return invite(connection, *screening),
        Event::ScreeningClosed { screening, .. } => return close(connection, *screening),
        Event::RecordRegistered { owner, .. } => touch(connection, placed, *owner),
        Event::Transferred { to, .. } => touch(connection, placed, *to),
        Event::ValidatorEquivocated { validator, .. } => touch(connection, placed, *validator),
        Event::ConsentChanged { .. }
        | Event::ConsentRevoked { .. }
        | Event::EpochClosed { .. }
        | Event::CommitteeStarted { .. }
        | Event::CommitteeCommitted { .. }
        | Event::CommitteeConfirming { .. }
        | Event::CommitteeRevealed { .. }
        | Event::CommitteeConfirmed { .. }
        | Event::CommitteeActive { .. }
        | Event::CommitteeComplained { .. }
        | Event::CommitteeExpired { .. }
        | Event::CommitteeDisputed { .. }
        | Event::MemberSuspended { .. }
        | Event::ComponentsSubmitted { .. }
        | Event::LiarNamed { .. }
        | Event::ConsortiumChangeApproved { .. }
        | Event::ConsortiumChanged { .. }
        | Event::ConsortiumApprovalWithdrawn { .. }
        | Event::ProtocolUpgraded { .. }
        | Event::StudyDesigned { .. }
        | Event::StudyAmended { .. }
        | Event::QueryCompared { .. }
        | Event::OutcomePosted { .. }
        | Event::StudyClosed { .. }
        | Event::DatasetWithdrawn { .. }
        | Event::LicenceGranted { .. }
        | Event::LicenceDeclined { .. }
        | Event::LicenceReclaimed { .. }
        | Event::LicenceRevoked { .. }
        | Event::LicenceAccessed { .. }
        | Event::FeesSet { .. }
        | Event::FeesPaid { .. }
        | Event::SettlementAccredited { .. }
        | Event::SettlementSuspended { .. }
        | Event::Deposited { .. }
        | Event::WithdrawalRequested { .. }
        | Event::WithdrawalSettled { .. }
        | Event::WithdrawalRejected { .. }
        | Event::InvitationAccepted { .. }
        | Event::InvitationDeclined { .. }
        | Event::CommitteeReplaced { .. } => Ok(()),
    };
    Ok(written?)
}

/// Lists the transaction under an account; twice is once.
fn touch(connection: &mut DatabaseConnection, placed: &Placed<'_>, account: AccountId) -> QueryResult<()> {
    touch_bytes(connection, placed, account.as_bytes())
}

fn touch_bytes(connection: &mut DatabaseConnection, placed: &Placed<'_>, account: &[u8]) -> QueryResult<()> {
    let row = (account_transactions::account.eq(account), account_transactions::sequence.eq(placed.column()));
    let insert = insert_into(account_transactions::table).values(row).on_conflict_do_nothing();
    on_each!(connection, inner => insert.execute(inner)).map(|_| ())
}

fn touch_payouts(connection: &mut DatabaseConnection, placed: &Placed<'_>, query: QueryId) -> QueryResult<()> {
    let paid: Vec<Vec<u8>> = contributions::table
        .filter(contributions::query.eq(query.as_bytes().as_slice()))
        .filter(contributions::withdrawn.eq(false))
        .select(contributions::payout)
        .load(connection)?;
    paid.iter().try_for_each(|account| touch_bytes(connection, placed, account))?;
    touch_researcher(connection, placed, query)
}

fn touch_researcher(connection: &mut DatabaseConnection, placed: &Placed<'_>, query: QueryId) -> QueryResult<()> {
    let researcher: Vec<u8> = queries::table
        .filter(queries::id.eq(query.as_bytes().as_slice()))
        .select(queries::researcher)
        .first(connection)?;
    touch_bytes(connection, placed, &researcher)
}

fn accredit(
    connection: &mut DatabaseConnection,
    placed: &Placed<'_>,
    role: Role,
    account: AccountId,
    name: &str,
) -> QueryResult<()> {
    let row = (
        parties::role.eq(role.name()),
        parties::account.eq(account.as_bytes().as_slice()),
        parties::name.eq(storable(name)),
        parties::accredited.eq(true),
        parties::sequence.eq(placed.column()),
    );
    let insert = insert_into(parties::table).values(row).on_conflict((parties::role, parties::account)).do_update();
    let upsert = insert.set((parties::name.eq(excluded(parties::name)), parties::accredited.eq(true)));
    on_each!(connection, inner => upsert.execute(inner)).map(|_| ())
}

fn suspend(connection: &mut DatabaseConnection, role: Role, account: AccountId) -> QueryResult<()> {
    let of_role = parties::table.filter(parties::role.eq(role.name()));
    update(of_role.filter(parties::account.eq(account.as_bytes().as_slice())))
        .set(parties::accredited.eq(false))
        .execute(connection)
        .map(|_| ())
}

fn study_title(transaction: &Transaction) -> &str {
    match transaction {
        Transaction::Signed(signed) => match &signed.action {
            Action::RegisterStudy(study) => &study.title,
            _ => "",
        },
        Transaction::Contribute(_) | Transaction::Respond(_) => "",
    }
}

/// How many responses a screening pays for.
fn screening_places(transaction: &Transaction) -> u32 {
    match transaction {
        Transaction::Signed(signed) => match &signed.action {
            Action::OpenScreening(screening) => screening.responses_max,
            _ => 0,
        },
        Transaction::Contribute(_) | Transaction::Respond(_) => 0,
    }
}

/// A response takes a place; the last place ends the screening, whoever closes it or nobody.
fn take_place(connection: &mut DatabaseConnection, id: ScreeningId) -> Result<(), Error> {
    // Both sides of each assignment are of the row as it was.
    let changed = update(screenings::table.filter(screenings::id.eq(id.as_bytes().as_slice())))
        .set((screenings::places.eq(screenings::places - 1), screenings::open.eq(screenings::places.gt(1))))
        .execute(connection)?;
    require_screening(changed, id)
}

fn invite(connection: &mut DatabaseConnection, id: ScreeningId) -> Result<(), Error> {
    let changed = update(screenings::table.filter(screenings::id.eq(id.as_bytes().as_slice())))
        .set(screenings::invited.eq(true))
        .execute(connection)?;
    require_screening(changed, id)
}

fn close(connection: &mut DatabaseConnection, id: ScreeningId) -> Result<(), Error> {
    let changed = update(screenings::table.filter(screenings::id.eq(id.as_bytes().as_slice())))
        .set(screenings::open.eq(false))
        .execute(connection)?;
    require_screening(changed, id)
}

/// Refuses to go on without the row of a screening: lists would leave it out from then on.
const fn require_screening(changed: usize, id: ScreeningId) -> Result<(), Error> {
    if changed == 0 { Err(Error::IndexLacks { screening: id }) } else { Ok(()) }
}

fn admit(
    connection: &mut DatabaseConnection,
    placed: &Placed<'_>,
    query: QueryId,
    number: ContributionIndex,
) -> QueryResult<()> {
    let Transaction::Contribute(contribution) = placed.transaction else { return Ok(()) };
    // The id was written with the transaction's own row.
    let id: Vec<u8> = transactions::table.find(placed.column()).select(transactions::id).first(connection)?;
    insert_into(contributions::table)
        .values((
            contributions::sequence.eq(placed.column()),
            contributions::query.eq(query.as_bytes().as_slice()),
            contributions::number.eq(i64::from(number.get())),
            contributions::payout.eq(contribution.payout.as_bytes().as_slice()),
            contributions::id.eq(id),
            contributions::withdrawn.eq(false),
        ))
        .execute(connection)?;
    update(queries::table.filter(queries::id.eq(query.as_bytes().as_slice())))
        .set((queries::admitted.eq(queries::admitted + 1), queries::surviving.eq(queries::surviving + 1)))
        .execute(connection)
        .map(|_| ())
}

fn withdraw(connection: &mut DatabaseConnection, query: QueryId, number: ContributionIndex) -> QueryResult<()> {
    let of_query = contributions::table.filter(contributions::query.eq(query.as_bytes().as_slice()));
    update(of_query.filter(contributions::number.eq(i64::from(number.get()))))
        .set(contributions::withdrawn.eq(true))
        .execute(connection)?;
    update(queries::table.filter(queries::id.eq(query.as_bytes().as_slice())))
        .set(queries::surviving.eq(queries::surviving - 1))
        .execute(connection)
        .map(|_| ())
}

fn enter(connection: &mut DatabaseConnection, query: QueryId, stage: Stage) -> QueryResult<()> {
    update(queries::table.filter(queries::id.eq(query.as_bytes().as_slice())))
        .set(queries::stage.eq(stage.name()))
        .execute(connection)
        .map(|_| ())
}
