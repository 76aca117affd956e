//! What goes wrong between us and a host.

use std::time::Duration;

use virt::error::{Error, ErrorNumber};

/// Why a call to a host failed. Each names the host.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// No connection came about.
    #[error("{host}: no connection to {uri}: {why}")]
    NoConnection {
        /// The host's name.
        host: String,
        /// Where it was looked for.
        uri: String,
        /// Why.
        why: String,
    },
    /// The host is known not to answer.
    #[error("{host} is unreachable: {why}")]
    Unreachable {
        /// The host's name.
        host: String,
        /// Why it is thought so.
        why: String,
    },
    /// A connection is being opened and does not get through.
    #[error("{host}: {uri} did not answer within {} s", .within.as_secs())]
    Silent {
        /// The host's name.
        host: String,
        /// Where it was looked for.
        uri: String,
        /// How long was waited.
        within: Duration,
    },
    /// libvirt answered with an error.
    #[error("{host}: {doing}: {}", .error.message())]
    Refused {
        /// The host's name.
        host: String,
        /// What was asked for.
        doing: String,
        /// libvirt's error.
        error: Error,
    },
    /// A disk on an image that is not a file of its host could not be made.
    #[error("{host}: {doing}: {why}")]
    Image {
        /// The host's name.
        host: String,
        /// What was asked for.
        doing: String,
        /// Why not.
        why: String,
    },
    /// A host keeps no log of what a VM's serial console says.
    #[error("{host} keeps no serial log of {vm}: either it is not there, or not Hemera has booted it")]
    NoLog {
        /// The host's name.
        host: String,
        /// The VM's name.
        vm: String,
    },
    /// What was found there is not what was asked for.
    #[error("{host}: {why}")]
    Unfit {
        /// The host's name.
        host: String,
        /// What was found.
        why: String,
    },
    /// A call hangs though its connection does not.
    #[error("{host}: {doing} took longer than {} s", .within.as_secs())]
    Hangs {
        /// The host's name.
        host: String,
        /// What was asked for.
        doing: String,
        /// How long was waited.
        within: Duration,
    },
    /// The connection was cut during the call, so that nobody knows whether the call had its effect.
    #[error("{host}: {doing}: {why}")]
    Cut {
        /// The host's name.
        host: String,
        /// What was asked for.
        doing: String,
        /// What is known of it.
        why: String,
    },
}

impl Trouble {
    /// Whether libvirt said that there is no such domain, volume or pool.
    pub(super) fn not_there(&self) -> bool {
        let Self::Refused { error, .. } = self else { return false };
        let code = error.code();
        [ErrorNumber::NoDomain, ErrorNumber::NoStorageVolume, ErrorNumber::NoStoragePool].iter().any(|&n| code.is(n))
    }

    /// Whether libvirt said that this cannot be done now, as with a volume that somebody reads.
    pub(super) fn out_of_turn(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.code().is(ErrorNumber::OperationInvalid))
    }

    /// Whether libvirt said that something else held the domain for too long.
    pub(super) fn held(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error.code().is(ErrorNumber::OperationTimeout))
    }

    /// Whether a guest's agent did not answer, or its guest stands still: asked again, it may.
    pub(super) fn agent_silent(&self) -> bool {
        let Self::Refused { error, .. } = self else { return false };
        let codes = [
            ErrorNumber::AgentUnresponsive,
            ErrorNumber::AgentUnsynced,
            ErrorNumber::AgentCommandTimeout,
            ErrorNumber::OperationInvalid,
        ];
        codes.iter().any(|&code| error.code().is(code))
    }

    /// Whether the driver does not have the call at all, or not with what it was given.
    pub(super) fn unsupported(&self) -> bool {
        let Self::Refused { error, .. } = self else { return false };
        [ErrorNumber::NoSupport, ErrorNumber::InvalidArg].iter().any(|&n| error.code().is(n))
    }

    /// Whether the host itself said no, so that asking again would not help.
    pub(super) fn answered(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Image { .. } | Self::NoLog { .. } | Self::Unfit { .. })
    }

    /// Whether the call may have had its effect although it failed.
    pub(super) fn in_doubt(&self) -> bool {
        matches!(self, Self::Cut { .. })
    }
}
