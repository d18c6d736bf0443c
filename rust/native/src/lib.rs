//! The Python face of numdip: `numdip._native`.
//!
//! One file per class or pair of classes. Each function takes its arguments apart, calls the core, and
//! wraps the result; what a telephone number means is decided below. The types of everything here are
//! written down in `python/numdip/_native.pyi`, which `mypy.stubtest` compares with the module.

mod apex;
mod batches;
mod bulk;
mod client;
mod columns;
mod diff;
mod errors;
mod exchange;
mod layers;
mod lint;
mod listing;
mod naptr;
mod number;
mod plan;
mod responder;
mod server;
mod snapshot;
mod table;
mod tel;
mod times;
mod walk;

/// The native module.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::apex::{from_domain, to_domain};
    #[pymodule_export]
    use crate::batches::Batches;
    #[pymodule_export]
    use crate::client::{Asker, Outcome};
    #[pymodule_export]
    use crate::diff::diff;
    #[pymodule_export]
    use crate::exchange::{Exchange, Reply};
    #[pymodule_export]
    use crate::layers::{LayerBuilder, LayerReport, compact};
    #[pymodule_export]
    use crate::lint::lint;
    #[pymodule_export]
    use crate::listing::{ListPorted, list_networks, list_ranges};
    #[pymodule_export]
    use crate::naptr::Naptr;
    #[pymodule_export]
    use crate::number::Number;
    #[pymodule_export]
    use crate::plan::{PlanBuilder, PlanReport};
    #[pymodule_export]
    use crate::responder::{Acl, Responder};
    #[pymodule_export]
    use crate::server::Server;
    #[pymodule_export]
    use crate::snapshot::{Answer, Explanation, Snapshot};
    #[pymodule_export]
    use crate::table::Table;
    #[pymodule_export]
    use crate::tel::TelUri;
    #[pymodule_export]
    use crate::walk::Walk;

    #[allow(non_upper_case_globals, reason = "Python's name")]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Whether this build is an unoptimised one.
    #[pymodule_export]
    const DEBUG_BUILD: bool = cfg!(debug_assertions);
}
