//! Errors of the core as exceptions. The classes are Python's (`numdip.errors`); this is the one place
//! where one becomes the other.

use numdip_core::apex::DomainError as CoreDomainError;
use numdip_core::ddds::walk::sip::SipFault;
use numdip_core::ddds::{RuleFault, Skip};
use numdip_core::dns::name::NameError;
use numdip_core::naptr::NaptrError as CoreNaptrError;
use numdip_core::naptr::services::ServicesFault;
use numdip_core::number::NumberError as CoreNumberError;
use numdip_core::plan::PlanError as CorePlanError;
use numdip_core::plan::compact::CompactError;
use numdip_core::respond::SettingsError;
use numdip_core::snapshot::{SnapshotError as CoreSnapshotError, TooEarly};
use numdip_core::tel::TelFault;
use numdip_server::{AclError, StartError};
use pyo3::PyErr;

mod classes {
    //! The exception classes, imported from Python when first raised.
    #![allow(missing_docs, reason = "documented in python/numdip/errors.py")]
    use pyo3::import_exception;

    import_exception!(numdip.errors, ConfigError);
    import_exception!(numdip.errors, DomainError);
    import_exception!(numdip.errors, NaptrError);
    import_exception!(numdip.errors, NumberError);
    import_exception!(numdip.errors, PlanError);
    import_exception!(numdip.errors, RuleError);
    import_exception!(numdip.errors, ServerError);
    import_exception!(numdip.errors, SnapshotError);
    import_exception!(numdip.errors, TimeError);
    import_exception!(numdip.errors, UriError);
}

//----------- Fault ----------------------------------------------------------

/// Any error that a function here can end with.
pub(crate) enum Fault {
    Number(CoreNumberError),
    Domain(CoreDomainError),
    Naptr(CoreNaptrError),
    Services(ServicesFault),
    /// The code of what is wrong with a rule, and the message.
    Rule(String, &'static str),
    /// The code of what is wrong with a URI, and the message.
    Uri(String, &'static str),
    Snapshot(String),
    Plan(String),
    Config(String),
    /// Several at once, by key.
    Settings(Vec<SettingsError>),
    Server(String),
    Time(String),
    /// Raised by Python itself, or a plain built-in exception.
    Python(PyErr),
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Number(error) => classes::NumberError::new_err((error.to_string(), error.code())),
            Fault::Domain(error) => classes::DomainError::new_err((error.to_string(), error.code())),
            Fault::Naptr(error) => classes::NaptrError::new_err(error.to_string()),
            Fault::Services(fault) => classes::NaptrError::new_err(fault.to_string()),
            Fault::Rule(text, code) => classes::RuleError::new_err((text, code)),
            Fault::Uri(text, code) => classes::UriError::new_err((text, code)),
            Fault::Snapshot(text) => classes::SnapshotError::new_err(text),
            Fault::Plan(text) => classes::PlanError::new_err(text),
            Fault::Config(text) => classes::ConfigError::new_err(text),
            Fault::Settings(faults) => {
                let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
                let faults: Vec<(String, String)> =
                    faults.into_iter().map(|fault| (fault.key, fault.what)).collect();
                classes::ConfigError::new_err((lines.join("\n"), faults))
            }
            Fault::Server(text) => classes::ServerError::new_err(text),
            Fault::Time(text) => classes::TimeError::new_err(text),
            Fault::Python(error) => error,
        }
    }
}

impl From<CoreNumberError> for Fault {
    fn from(error: CoreNumberError) -> Self {
        Self::Number(error)
    }
}

impl From<CoreDomainError> for Fault {
    fn from(error: CoreDomainError) -> Self {
        Self::Domain(error)
    }
}

impl From<NameError> for Fault {
    fn from(error: NameError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<CoreNaptrError> for Fault {
    fn from(error: CoreNaptrError) -> Self {
        Self::Naptr(error)
    }
}

impl From<RuleFault> for Fault {
    fn from(fault: RuleFault) -> Self {
        Self::Rule(format!("regexp: {fault}"), fault.code())
    }
}

impl From<Skip> for Fault {
    fn from(skip: Skip) -> Self {
        Self::Rule(format!("the record is to be passed over: {skip}"), skip.code())
    }
}

impl From<TelFault> for Fault {
    fn from(fault: TelFault) -> Self {
        Self::Uri(fault.to_string(), fault.code())
    }
}

impl From<SipFault> for Fault {
    fn from(fault: SipFault) -> Self {
        Self::Uri(fault.to_string(), fault.code())
    }
}

impl From<ServicesFault> for Fault {
    fn from(fault: ServicesFault) -> Self {
        Self::Services(fault)
    }
}

impl From<CoreSnapshotError> for Fault {
    fn from(error: CoreSnapshotError) -> Self {
        Self::Snapshot(error.to_string())
    }
}

impl From<CorePlanError> for Fault {
    fn from(error: CorePlanError) -> Self {
        match error {
            CorePlanError::TimeRunsBack { .. } => Self::Time(error.to_string()),
            CorePlanError::Io(_) => Self::Snapshot(error.to_string()),
            error => Self::Plan(error.to_string()),
        }
    }
}

impl From<CompactError> for Fault {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::Plan(error) => error.into(),
            CompactError::Snapshot(error) => error.into(),
        }
    }
}

impl From<TooEarly> for Fault {
    fn from(error: TooEarly) -> Self {
        Self::Time(error.to_string())
    }
}

impl From<SettingsError> for Fault {
    fn from(error: SettingsError) -> Self {
        Self::Settings(vec![error])
    }
}

impl From<AclError> for Fault {
    fn from(error: AclError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<StartError> for Fault {
    fn from(error: StartError) -> Self {
        Self::Server(error.to_string())
    }
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}
