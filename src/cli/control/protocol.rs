//! The requests that a run under way takes, and its answers: one line of JSON each.

use serde::{Deserialize, Serialize};

/// Version of both.
pub(super) const SCHEMA: u32 = 1;

/// Letters of a name that are kept.
const MOST_LETTERS: usize = 100;

/// The thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ControlCommand {
    Pause,
    Go,
    Slow,
    Stop,
    State,
    /// The address of its live page.
    Where,
}

impl ControlCommand {
    /// True if it changes nothing.
    pub(super) const fn only_asks(self) -> bool {
        matches!(self, Self::State | Self::Where)
    }
}

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ControlRequest {
    schema: u32,
    pub(super) command: ControlCommand,
    /// For `slow`: places of each endpoint's limit to leave to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) headroom: Option<u32>,
    #[serde(default)]
    by: String,
}

impl ControlRequest {
    pub(super) const fn new(command: ControlCommand, headroom: Option<u32>, by: String) -> Self {
        Self { schema: SCHEMA, command, headroom, by }
    }

    /// The request in `line`.
    ///
    /// Errors: it is none of this version, in words.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let request: Self =
            serde_json::from_slice(line).map_err(|error| format!("not understood: {error}"))?;
        match request.schema {
            SCHEMA => Ok(request),
            other => Err(format!("a request of version {other}; this run speaks version {SCHEMA}")),
        }
    }

    /// The name of who asks, fit for one line.
    pub(super) fn by(&self) -> String {
        let letters = self.by.chars().filter(|letter| !letter.is_control());
        let name: String = letters.take(MOST_LETTERS).collect();
        match name.trim() {
            "" => "somebody".to_owned(),
            name => name.to_owned(),
        }
    }
}

/// The condition of a run under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RunCondition {
    /// It sends calls.
    Running,
    /// Something holds it.
    Paused,
    /// It ends.
    Stopping,
}

impl RunCondition {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
        }
    }
}

/// A hold of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HeldBy {
    pub(super) by: String,
    pub(super) why: String,
}

/// The answer to a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ControlAnswer {
    pub(super) schema: u32,
    /// False if the request was refused; `words` say why.
    pub(super) ok: bool,
    pub(super) state: RunCondition,
    pub(super) words: String,
    /// Places of each endpoint's limit that are left to others.
    pub(super) headroom: u32,
    /// Holds, the oldest first.
    pub(super) holds: Vec<HeldBy>,
    /// To `where`: the address of its live page, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) page: Option<String>,
}
