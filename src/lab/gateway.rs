//! The gateway's DHCP, by Grid'5000's rule: the VM with the MAC address 00:16:3E:X:Y:Z gets 10.X.Y.Z.

use std::fmt::Write as _;
use std::fs;

use super::run::daemon;
use super::{LabError, Plan, Record};
use crate::fleet::vm_mac;

/// Writes dnsmasq's files and starts it in the lab's network namespace.
pub(super) fn start(record: &Record, plan: &Plan) -> Result<(), LabError> {
    let dir = record.net_dir();
    let write = |name: &str, text: String| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(LabError::file(path))
    };
    write("dhcp-hosts", leases(plan))?;
    let at = |name: &str| dir.join(name).display().to_string();
    let (_, mask) = Plan::vm_mask();
    let network = plan.vm_subnet();
    let network = network.split('/').next().unwrap_or(&network);
    let router = plan.router();
    let config = format!(
        "# DHCP alone.\nport=0\nuser=root\ninterface=gw\nexcept-interface=lo\nbind-interfaces\n\
         dhcp-authoritative\ndhcp-range={network},static,{mask},12h\ndhcp-option=option:router,{router}\n\
         dhcp-hostsfile={}\ndhcp-leasefile={}\ndhcp-lease-max=10000\npid-file={}\nlog-facility={}\n",
        at("dhcp-hosts"),
        at("leases"),
        at("dnsmasq.pid"),
        at("dnsmasq.log"),
    );
    write("dnsmasq.conf", config)?;
    let config = format!("--conf-file={}", at("dnsmasq.conf"));
    daemon(&plan.net(), ["dnsmasq", "--keep-in-foreground", &config], &dir.join("dnsmasq.err")).map(drop)
}

/// A line per possible VM.
fn leases(plan: &Plan) -> String {
    let mut text = String::new();
    for address in plan.sites.iter().flat_map(|site| site.addresses(plan.vms)) {
        let _ = writeln!(text, "{},{address}", vm_mac(address));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_possible_vm_of_every_site_has_a_line() {
        let lines = leases(&Plan::new(0, 2, 1, 2, None));
        let expected = [
            "00:16:3e:a0:00:01,10.160.0.1",
            "00:16:3e:a0:00:02,10.160.0.2",
            "00:16:3e:a0:04:01,10.160.4.1",
            "00:16:3e:a0:04:02,10.160.4.2",
        ];
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    }
}
