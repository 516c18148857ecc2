//! Settings of a [`NeonMock`].

use crate::credentials::OrgCredentials;
use crate::dataset::{self, Dataset};
use crate::live::Live;
use crate::neon::Neon;
use crate::neon_mock::NeonMock;
use crate::org::Organisation;
use crate::profile::{self, Profile};
use crate::served::ServedCall;
use crate::server::{ServeError, Server, ServerOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A built-in by name, or the caller's own value.
#[derive(Clone, Debug)]
pub enum BuiltInOr<T> {
    /// The built-in of that name.
    BuiltIn(String),
    /// The caller's own.
    Own(T),
}

impl<T> From<&str> for BuiltInOr<T> {
    fn from(name: &str) -> Self {
        Self::BuiltIn(name.to_owned())
    }
}

impl<T> From<String> for BuiltInOr<T> {
    fn from(name: String) -> Self {
        Self::BuiltIn(name)
    }
}

impl From<Profile> for BuiltInOr<Profile> {
    fn from(profile: Profile) -> Self {
        Self::Own(profile)
    }
}

impl From<Dataset> for BuiltInOr<Dataset> {
    fn from(dataset: Dataset) -> Self {
        Self::Own(dataset)
    }
}

/// Start errors.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StartError {
    #[error("there is no built-in {what} `{name}`; there are {known}")]
    UnknownName { what: &'static str, name: String, known: String },
    #[error("organisation id `{org_id}` holds a colon, which Basic authentication cannot carry")]
    OrgId { org_id: String },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("the operating system gives no random admin token: {reason}; name one")]
    NoToken { reason: String },
}

impl BuiltInOr<Profile> {
    /// Errors: [`StartError::UnknownName`].
    pub(crate) fn resolve(self) -> Result<Profile, StartError> {
        match self {
            Self::Own(profile) => Ok(profile),
            Self::BuiltIn(name) => {
                Profile::built_in(&name).ok_or_else(|| unknown("profile", name, &profile::BUILT_IN))
            }
        }
    }
}

impl BuiltInOr<Dataset> {
    fn resolve(self, mappings: u32) -> Result<Dataset, StartError> {
        match self {
            Self::Own(dataset) => Ok(dataset),
            Self::BuiltIn(name) => Dataset::built_in(&name, mappings)
                .ok_or_else(|| unknown("dataset", name, &dataset::BUILT_IN)),
        }
    }
}

fn unknown(what: &'static str, name: String, known: &[(&str, &str)]) -> StartError {
    let known = known.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    StartError::UnknownName { what, name, known }
}

/// Settings of a [`NeonMock`]; each has a default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct NeonMockBuilder {
    profile: BuiltInOr<Profile>,
    dataset: BuiltInOr<Dataset>,
    mappings: u32,
    accounts: u64,
    seed: u64,
    neon: Option<Neon>,
    org_id: String,
    api_key: Secret,
    admin_token: Option<Secret>,
    addr: SocketAddr,
    patience: Duration,
    journal: usize,
    observer: Option<ObserverFn>,
}

/// Hears of each call once it is answered.
#[derive(Clone)]
struct ObserverFn(Arc<dyn Fn(&ServedCall) + Send + Sync>);

impl std::fmt::Debug for ObserverFn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Default time limit for a request's head and for its body.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls that the journal holds.
const JOURNAL: usize = 1_000;

/// A secret whose `Debug` output hides it.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Default for NeonMockBuilder {
    fn default() -> Self {
        Self {
            profile: BuiltInOr::from("documented"),
            dataset: BuiltInOr::from("plain"),
            mappings: 3,
            accounts: 50,
            seed: 1,
            neon: None,
            org_id: "demo".to_owned(),
            api_key: Secret("demo".to_owned()),
            admin_token: None,
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            patience: PATIENCE,
            journal: JOURNAL,
            observer: None,
        }
    }
}

impl NeonMockBuilder {
    /// Limits and service times: a built-in's name or a [`Profile`]. Default: `"documented"`.
    pub fn profile(mut self, profile: impl Into<BuiltInOr<Profile>>) -> Self {
        self.profile = profile.into();
        self
    }

    /// Accounts and custom fields: a built-in's name or a [`Dataset`]. Default:
    /// `"plain"`.
    pub fn dataset(mut self, dataset: impl Into<BuiltInOr<Dataset>>) -> Self {
        self.dataset = dataset.into();
        self
    }

    /// Number of fields in each numbered family of a built-in dataset (`V-1`, `V-2` …). Default: 3.
    pub const fn mappings(mut self, mappings: u32) -> Self {
        self.mappings = mappings;
        self
    }

    /// Number of accounts; their ids are `1 … accounts`. Default: 50.
    pub const fn accounts(mut self, accounts: u64) -> Self {
        self.accounts = accounts;
        self
    }

    /// The seed of accounts and service times: the same seed, the same organisation. Default: 1.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Serves an existing mock instead of one from profile, dataset, mappings, accounts and seed.
    pub fn neon(mut self, neon: Neon) -> Self {
        self.neon = Some(neon);
        self
    }

    /// Organisation id and API key that clients must send. Default: `"demo"`, `"demo"`.
    pub fn credentials(mut self, org_id: impl Into<String>, api_key: impl Into<String>) -> Self {
        self.org_id = org_id.into();
        self.api_key = Secret(api_key.into());
        self
    }

    /// Address to listen on; port 0 picks a free one. Default: `127.0.0.1:0`.
    pub fn addr(mut self, addr: impl Into<SocketAddr>) -> Self {
        self.addr = addr.into();
        self
    }

    /// Bearer token of the admin routes. Default: a random one per start; see
    /// [`NeonMock::admin_token`].
    pub fn admin_token(mut self, token: impl Into<String>) -> Self {
        self.admin_token = Some(Secret(token.into()));
        self
    }

    /// Time limit for the head of a request, and for its body; a connection
    /// that is idle for so long is closed. Default: 60 s.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Capacity of [`NeonMock::journal`] in calls; 0 turns it off. Default: 1,000.
    pub const fn journal(mut self, calls: usize) -> Self {
        self.journal = calls;
        self
    }

    /// Calls `observer` with each call once it is answered, such as for an access log. It holds up the
    /// server. Default: none.
    pub fn observer(mut self, observer: impl Fn(&ServedCall) + Send + Sync + 'static) -> Self {
        self.observer = Some(ObserverFn(Arc::new(observer)));
        self
    }

    /// Starts the mock. It is ready for calls when this returns.
    ///
    /// Panics with the reason if it cannot; see [`try_start`](Self::try_start).
    pub async fn start(self) -> NeonMock {
        match self.try_start().await {
            Ok(mock) => mock,
            Err(error) => {
                let source = std::error::Error::source(&error);
                let cause = source.map_or_else(String::new, |source| format!(": {source}"));
                panic!("failed to start the mock of Neon: {error}{cause}");
            }
        }
    }

    /// Starts the mock, on any executor: the server runs its own threads.
    ///
    /// Errors: [`StartError`], such as an unknown built-in or an address in use.
    pub async fn try_start(self) -> Result<NeonMock, StartError> {
        let neon = if let Some(neon) = self.neon {
            neon
        } else {
            let dataset = self.dataset.resolve(self.mappings)?;
            let organisation = Organisation::new(&dataset, self.accounts, self.seed);
            Neon::new(self.profile.resolve()?, organisation, self.seed)
        };
        let credentials = OrgCredentials::new(self.org_id.clone(), self.api_key.0)
            .ok_or(StartError::OrgId { org_id: self.org_id })?;
        let observer = self.observer.map(|ObserverFn(observer)| observer);
        let live = Arc::new(Live::new(neon, credentials, self.journal, observer));
        let admin_token = match self.admin_token {
            Some(Secret(token)) => token,
            None => random_token()?,
        };
        let terms = ServerOptions { patience: self.patience, admin_token };
        let server = Server::start(self.addr, Arc::clone(&live), terms).await?;
        Ok(NeonMock::new(live, server))
    }
}

/// 128 random bits in hexadecimal.
fn random_token() -> Result<String, StartError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| StartError::NoToken { reason: error.to_string() })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
