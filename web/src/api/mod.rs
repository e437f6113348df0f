//! The HTTP API: versioned, small, public reads and self-authenticating writes.
//!
//! Whatever is on a consortium ledger may be read by whoever reaches its nodes. What is written carries its own
//! authority: a transaction its signature or proof, a blob the digest it is stored under. Nothing
//! is served that the ledger or a blob's address does not name. What is for one party alone is asked for with a signed
//! request, and `crate::access` says by whom. Cookies count for the own account alone (`sign_in`).

mod analyses;
mod beacon;
mod behind;
mod blobs;
mod bounds;
mod caller;
mod committee;
mod counts;
mod custody;
mod datasets;
mod diseases;
mod download;
mod drs;
mod epochs;
mod fetching;
mod governance;
mod head;
mod introductions;
mod jobs;
mod lanes;
mod ledger;
mod listing;
mod memory;
mod metrics;
mod named;
mod operation;
mod others;
mod places;
mod plans;
mod posted;
mod progress;
mod query_files;
mod quota;
mod receipts;
mod reply;
mod schemas;
mod screenings;
mod search;
mod sign_in;
mod stages;
mod state;
mod studies;
mod transactions;
mod uploads;
mod variants;

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use market::{index::Index, objects::Objects};
use node::consensus::EngineHandle;
use utoipa::OpenApi;

pub(crate) use self::{
    analyses::{RESULT_BYTES_MAX, read_result},
    behind::BLOCKS_BEHIND_MAX,
    blobs::receive,
    bounds::{Encrypted, answer, no_endpoint},
    committee::suspended,
    counts::{Totals, records},
    download::{Download, figure_name},
    epochs::{EpochPage, ListedEpoch},
    fetching::FetchingBlobs,
    governance::{Governance, Vote},
    head::head_as_get,
    listing::whose,
    memory::Held,
    metrics::observe,
    operation::votes,
    places::Place,
    posted::Posted,
    progress::Streams,
    query_files::{TOML, asked_again},
    quota::is_document,
    receipts::{RECEIPT_BYTES_MAX, RECEIPT_RESPONSES_MAX, collected, collected_text},
    reply::{BYTES, found, parse},
    stages::{QueryStages, ReachedStage, reached_stages, stages_among},
    state::KEY_BYTES_MAX,
    studies::{
        Asked, COMPARED, Headers, LatestQueries, Version, known_study, study_outcomes, study_record, study_versions,
    },
    variants::{VARIANTS_PAGE_MAX, VariantPage},
};
pub use self::{
    beacon::{Identity, Publishing, ServedBeacon},
    blobs::BlobPage,
    bounds::{
        BLOCKING_THREADS_MAX, BODY_TIME_MAX, CONNECTIONS_MAX, HEAD_TIME_MAX, LEAVES_PAGE_MAX, LINGER_TIME_MAX,
        PROGRESS_BYTES_MIN, SHUTDOWN_SECONDS_MAX, TIME_MAX, WORKERS,
    },
    committee::CommitteeKey,
    custody::Custody,
    diseases::{FoundDiseases, NamedDisease},
    epochs::{CurrentEpoch, LeafPage},
    jobs::JobSummary,
    ledger::AccountSummary,
    metrics::Metrics,
    operation::Health,
    others::{OTHERS_MAX, OtherNodes},
    progress::{ADDRESS_STREAMS_MAX, QueryProgress, STREAM_TIME_MAX, STREAMS_MAX},
    quota::{ADDRESS_FORMS_MAX, StoredBytes, UploadQuota},
    screenings::{ListedScreening, RESPONSES_PAGE_MAX, ResponsePage, ResponseProofs, ScreeningPage},
    search::{Found, FoundKind, find},
    state::{ProvenState, QueryIdPage},
    studies::StudyRecord,
    transactions::{Accepted, IncludedTransaction},
};
use crate::{Error, chain::Chain, problem::Problem, sign_in::SignIn, signed_request::Replay};

/// Blocks that an index may be behind the ledger while it lists. It takes each moments after the ledger; one that is further
/// behind is made again, or follows a ledger that catches up itself.
const LISTINGS_BEHIND_MAX: u64 = 1_024;

/// What the endpoints work on.
pub struct Service {
    /// The chain: reads, admission and what became of transactions.
    pub chain: Arc<Chain>,
    /// Where blobs are stored.
    pub blobs: Arc<Objects>,
    /// Other nodes, which are asked for those that are not.
    pub others: Arc<OtherNodes>,
    /// What the listings read.
    pub index: Arc<Index>,
    /// Disk space that uploads may take.
    pub quota: Arc<UploadQuota>,
    /// Counters of the service.
    pub metrics: Metrics,
    /// The consensus engine, where one runs.
    pub engine: Option<EngineHandle>,
    /// What the node publishes to GA4GH clients.
    pub publishing: Publishing,
    /// What the node serves as a custodian of datasets; nothing without it.
    pub custody: Option<Custody>,
    /// Signed requests that were taken.
    pub replay: Replay,
    /// What signing in to the pages keeps.
    pub sign_in: SignIn,
}

impl Service {
    /// The index, for whoever lists from it.
    ///
    /// # Errors
    /// [`market::Error::IndexGap`] and [`market::Error::IndexBehind`] where it would leave out what the ledger holds, but for
    /// its latest blocks.
    pub(crate) fn listings(&self) -> Result<&Index, Error> {
        self.listings_within(LISTINGS_BEHIND_MAX)
    }

    /// The same, where it is so many blocks behind at most.
    ///
    /// # Errors
    /// As [`Service::listings`].
    fn listings_within(&self, blocks_max: u64) -> Result<&Index, Error> {
        self.index.check_near(self.chain.ledger(), blocks_max)?;
        Ok(&self.index)
    }

    /// Why nothing is listed here, for a page that shows more than listings; none where all is.
    ///
    /// # Errors
    /// As the index and the ledger.
    pub(crate) fn listings_lack(&self) -> Result<Option<String>, Error> {
        match self.listings() {
            Ok(_) => Ok(None),
            Err(Error::Market(lack @ (market::Error::IndexGap { .. } | market::Error::IndexBehind { .. }))) => {
                Ok(Some(lack.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

/// One list gives the routes and the OpenAPI document, so that neither can lack what the other has.
macro_rules! routes {
    ($($module:ident::$handler:ident),* $(,)?) => {
        /// The API's OpenAPI document.
        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Locus",
                description = "The ledger, queries and blobs of a Locus node. Reads answer JSON, or canonical borsh \
                               bytes for `Accept: application/octet-stream` where noted. Errors are RFC 9457 problems."
            ),
            paths($($module::$handler),*),
            components(schemas(Problem)),
        )]
        pub struct Document;

        /// Adds every route.
        pub fn configure(config: &mut ServiceConfig) {
            $(config.service($module::$handler);)*
            config.default_service(web::to(no_endpoint));
        }
    };
}

routes![
    transactions::submit_transaction,
    transactions::read_transaction,
    transactions::prove_transaction,
    ledger::read_head,
    ledger::read_genesis,
    ledger::list_blocks,
    ledger::read_block,
    ledger::read_header,
    ledger::list_handovers,
    ledger::read_validators,
    ledger::list_changes,
    governance::read_governance,
    ledger::read_events,
    ledger::read_account,
    ledger::read_next_nonce,
    counts::count_all,
    listing::list_account_transactions,
    listing::list_postings,
    listing::list_schemas,
    ledger::read_schema,
    variants::list_variants,
    listing::list_studies,
    studies::read_study,
    studies::list_study_versions,
    studies::list_study_outcomes,
    listing::list_queries,
    ledger::read_query,
    progress::follow_query,
    stages::list_stages,
    query_files::read_query_again,
    query_files::write_query_file,
    introductions::read_introduction,
    introductions::put_introduction,
    diseases::find_diseases,
    plans::plan_query,
    plans::read_query_schema,
    analyses::analyze_result,
    receipts::verify_receipt,
    listing::list_contributions,
    screenings::list_screenings,
    screenings::read_screening,
    screenings::list_responses,
    screenings::prove_responses,
    receipts::collect_screening_receipt,
    search::look_up,
    listing::list_issuers,
    listing::list_researchers,
    committee::read_committee,
    committee::read_committee_key,
    epochs::list_epochs,
    epochs::read_epoch,
    epochs::read_leaves,
    state::read_value,
    state::read_proof,
    state::list_query_ids,
    blobs::put_blob,
    blobs::get_blob,
    blobs::list_blobs,
    uploads::read_upload,
    uploads::append_upload,
    operation::read_health,
    jobs::count_jobs,
    operation::list_peers,
    operation::read_metrics,
    operation::read_openapi,
    beacon::read_node_service_info,
    beacon::read_root,
    beacon::read_info,
    beacon::read_service_info,
    beacon::read_configuration,
    beacon::read_entry_types,
    beacon::read_map,
    beacon::list_filtering_terms,
    beacon::list_datasets,
    beacon::query_datasets,
    beacon::count_individuals,
    beacon::query_individuals,
    beacon::find_variants,
    beacon::query_variants,
    datasets::list_datasets,
    datasets::list_licences,
    datasets::read_header,
    datasets::read_body,
    drs::read_service_info,
    drs::read_object,
    drs::read_access,
    sign_in::list_institutions,
    sign_in::begin_passkey_sign_in,
    sign_in::sign_in_with_passkey,
    sign_in::begin_account,
    sign_in::make_account,
    sign_in::begin_challenge,
    sign_in::answer_challenge,
    sign_in::read_own_account,
    sign_in::rename_own_account,
    sign_in::begin_passkey,
    sign_in::add_passkey,
    sign_in::rename_passkey,
    sign_in::remove_institution,
    sign_in::remove_passkey,
    sign_in::end_session,
    sign_in::end_sessions,
    sign_in::unlink_ledger_account,
];

/// Runs what blocks on the pool for that, so that workers keep answering.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    web::block(work).await.map_err(|_| Error::Stopping)?
}

/// Runs what reads the panel of a schema, for its names, once there is room for that in memory.
pub(crate) async fn reading_panel<T: Send + 'static>(
    service: Data<Service>,
    work: impl FnOnce(&Service) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let node = service.clone();
    service.quota.memory.holding_panel(move || work(&node)).await
}
