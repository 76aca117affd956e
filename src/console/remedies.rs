//! What helps against what is wrong: for one VM, for those that are marked, for all of a kind.

use std::sync::Arc;

use super::dialog::Change;
use super::format::counted;
use super::menu::{Does, Entry, Menu};
use crate::fleet::{Diagnosis, Finding, Fleet, HostId, Remedy, VmId};

/// What a remedy does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Changes VMs where they are, after a question.
    Change(Change),
    /// Gives another command about them, after a question.
    Ask,
    /// Nothing: somebody has to do it elsewhere.
    Elsewhere,
}

/// How a remedy is applied.
pub(crate) const fn way(remedy: Remedy) -> Way {
    match remedy {
        Remedy::Reboot => Way::Change(Change::Reboot),
        Remedy::Resume => Way::Change(Change::Resume),
        Remedy::Destroy => Way::Change(Change::Destroy),
        Remedy::RemoveCopy => Way::Change(Change::RemoveCopy),
        Remedy::StopStress => Way::Change(Change::StopStress),
        Remedy::Stress => Way::Change(Change::Stress),
        Remedy::Pause => Way::Change(Change::Pause),
        Remedy::Adopt => Way::Change(Change::Adopt),
        Remedy::BootAgain | Remedy::CancelTask => Way::Ask,
        Remedy::FreeDisk | Remedy::StartDhcp | Remedy::RestartLibvirtd | Remedy::MendHost => Way::Elsewhere,
    }
}

/// What has to be done elsewhere, in a sentence.
fn elsewhere(remedy: Remedy, found: &Diagnosis) -> String {
    match remedy {
        Remedy::FreeDisk => format!("Make room there, then resume: {}", found.text),
        Remedy::StartDhcp => "Look whether the DHCP server of its network runs; guests ask again by themselves.".into(),
        Remedy::RestartLibvirtd => format!("{}.", found.text),
        _ => format!("Look at the machine and its network: {}", found.text),
    }
}

/// A remedy, whom it is for, what it is against, and one diagnosis as an example.
struct Offer {
    remedy: Remedy,
    vms: Vec<VmId>,
    against: Vec<Finding>,
    example: Arc<Diagnosis>,
}

/// Each remedy of what was found of these VMs with those that it is for; those of the first come first.
fn offers(fleet: &Fleet, vms: &[VmId]) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for &vm in vms.iter().filter(|vm| vm.0 < fleet.vms.id_count()) {
        let Some(found) = fleet.diagnosis(vm) else { continue };
        for &remedy in found.remedies {
            let at = offers.iter().position(|offer| offer.remedy == remedy).unwrap_or_else(|| {
                offers.push(Offer { remedy, vms: Vec::new(), against: Vec::new(), example: found.clone() });
                offers.len() - 1
            });
            offers[at].vms.push(vm);
            if !offers[at].against.contains(&found.finding) {
                offers[at].against.push(found.finding);
            }
        }
    }
    offers
}

/// The menu of what helps these VMs; none where nothing was found of them.
pub(crate) fn of_vms(fleet: &Fleet, vms: &[VmId]) -> Option<Menu> {
    let offers = offers(fleet, vms);
    let first = offers.first()?.example.clone();
    let who = match vms {
        [vm] => format!("{}: {}", fleet.vms.name(*vm), first.finding.word()),
        many => counted(many.len(), "VM"),
    };
    let single = vms.len() == 1;
    let entries = offers.into_iter().map(|offer| {
        let words: Vec<&str> = offer.against.iter().map(|finding| finding.word()).collect();
        let doc = match way(offer.remedy) {
            Way::Elsewhere => elsewhere(offer.remedy, &offer.example),
            _ if single => offer.example.text.to_string(),
            _ => format!("{} with {}", counted(offer.vms.len(), "VM"), words.join(", ")),
        };
        (offer.remedy, offer.vms, doc)
    });
    Some(menu(&who, entries))
}

/// The menu of what helps hosts; none where nothing was found of them.
pub(crate) fn of_hosts(fleet: &Fleet, hosts: &[HostId]) -> Option<Menu> {
    let found: Vec<&Arc<Diagnosis>> = hosts.iter().filter_map(|host| fleet.host_diagnoses.get(host)).collect();
    let first = *found.first()?;
    let who = match hosts {
        [host] => format!("{}: {}", fleet.topology.host(*host).name, first.finding.word()),
        many => counted(many.len(), "host"),
    };
    let mut told: Vec<(Remedy, Vec<VmId>, String)> = Vec::new();
    for found in found {
        for &remedy in found.remedies.iter().filter(|remedy| way(**remedy) == Way::Elsewhere) {
            told.push((remedy, Vec::new(), elsewhere(remedy, found)));
        }
    }
    told.dedup();
    Some(menu(&who, told.into_iter()))
}

fn menu(who: &str, entries: impl Iterator<Item = (Remedy, Vec<VmId>, String)>) -> Menu {
    let entries = entries.enumerate().map(|(i, (remedy, vms, doc))| Entry {
        key: (i + 1).to_string(),
        name: remedy.word().to_owned(),
        does: match way(remedy) {
            Way::Elsewhere => Does::Say(doc.clone()),
            _ => Does::Remedy(remedy, vms.into()),
        },
        doc,
        off: None,
    });
    Menu::new(format!("What helps {who}"), entries.take(9).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{NewHost, Topology, VmRow, VmState};

    #[test]
    fn a_remedy_is_for_those_of_the_meant_that_it_helps() {
        let mut topology = Topology::new("t");
        let site = topology.site("s");
        let host = NewHost {
            name: "h1".into(),
            cores: 1,
            memory: crate::fleet::Bytes(0),
            nic: crate::fleet::Rate(0.0),
            disk: crate::fleet::Rate(0.0),
        };
        topology.add_cluster(site, "h", [host]);
        let mut fleet = Fleet::new(Arc::new(topology));
        let mut ids = Vec::new();
        for (name, finding) in [("a", Finding::Panic), ("b", Finding::PausedOutside), ("c", Finding::Panic)] {
            let vm = fleet.vms.push(name, VmRow { state: VmState::Up, finding, ..VmRow::default() });
            let found = Arc::new(Diagnosis::new(finding, "why", Vec::new()));
            Arc::make_mut(&mut fleet.vm_diagnoses).insert(vm, found);
            ids.push(vm);
        }
        let well = fleet.vms.push("d", VmRow { state: VmState::Up, ..VmRow::default() });
        let menu = of_vms(&fleet, &[ids[0], ids[1], ids[2], well]).expect("a menu");
        let does = |name: &str| {
            menu.entries.iter().find_map(|entry| match &entry.does {
                Does::Remedy(_, vms) if entry.name == name => Some(vms.to_vec()),
                _ => None,
            })
        };
        assert_eq!(does("reboot"), Some(vec![ids[0], ids[2]]));
        assert_eq!(does("resume"), Some(vec![ids[1]]));
        assert!(of_vms(&fleet, &[well]).is_none());
    }
}
