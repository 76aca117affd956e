//! What helps against what is wrong: for one VM, for those that are marked, for all of a kind.

use std::sync::Arc;

use super::dialog::Change;
use super::format::counted;
use super::menu::{Does, Entry, Menu};
use crate::fleet::{Diagnosis, Finding, Fleet, HostId, PowerAction, Remedy, VmId};

/// What a remedy does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Changes VMs where they are, after a question.
    Change(Change),
    /// Gives another command about them, after a question.
    Ask,
    /// Does this to the host from outside, after a question, where the world says how; else as `Elsewhere`.
    Power(PowerAction),
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
        Remedy::RestartLibvirtd => Way::Power(PowerAction::RestartLibvirtd),
        Remedy::MendHost => Way::Power(PowerAction::Reboot),
        Remedy::FreeDisk | Remedy::StartDhcp => Way::Elsewhere,
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
            Way::Elsewhere | Way::Power(_) => elsewhere(offer.remedy, &offer.example),
            _ if single => offer.example.text.to_string(),
            _ => format!("{} with {}", counted(offer.vms.len(), "VM"), words.join(", ")),
        };
        let does = match way(offer.remedy) {
            Way::Elsewhere | Way::Power(_) => Does::Say(doc.clone()),
            Way::Change(_) | Way::Ask => Does::Remedy(offer.remedy, offer.vms.into()),
        };
        (offer.remedy.word(), does, doc)
    });
    Some(menu(&who, entries))
}

/// The menu of what helps hosts; none where nothing was found of them. `power` is what the world says how to do.
pub(crate) fn of_hosts(fleet: &Fleet, hosts: &[HostId], power: &[PowerAction]) -> Option<Menu> {
    let found: Vec<(HostId, &Arc<Diagnosis>)> =
        hosts.iter().filter_map(|&host| Some((host, fleet.host_diagnoses.get(&host)?))).collect();
    let first = found.first()?.1;
    let who = match hosts {
        [host] => format!("{}: {}", fleet.topology.host(*host).name, first.finding.word()),
        many => counted(many.len(), "host"),
    };
    let mut can: Vec<(PowerAction, Vec<HostId>, String)> = Vec::new();
    let mut told: Vec<(Remedy, String)> = Vec::new();
    for (host, found) in found {
        for &remedy in found.remedies {
            match way(remedy) {
                Way::Power(action) if power.contains(&action) => {
                    match can.iter_mut().find(|(other, ..)| *other == action) {
                        Some((_, hosts, _)) => hosts.push(host),
                        None => can.push((action, vec![host], format!("{}.", found.text))),
                    }
                }
                Way::Power(_) | Way::Elsewhere => told.push((remedy, elsewhere(remedy, found))),
                Way::Change(_) | Way::Ask => {}
            }
        }
    }
    told.dedup();
    let can = can.into_iter().map(|(action, hosts, example)| {
        let word = match action {
            PowerAction::RestartLibvirtd => Remedy::RestartLibvirtd.word(),
            _ => "reboot the host",
        };
        let doc = if hosts.len() == 1 { example } else { counted(hosts.len(), "host") };
        (word, Does::Power(action, hosts.into()), doc)
    });
    let told = told.into_iter().map(|(remedy, doc)| (remedy.word(), Does::Say(doc.clone()), doc));
    Some(menu(&who, can.chain(told)))
}

fn menu(who: &str, entries: impl Iterator<Item = (&'static str, Does, String)>) -> Menu {
    let entries = entries.enumerate().map(|(i, (name, does, doc))| Entry {
        key: (i + 1).to_string(),
        name: name.to_owned(),
        does,
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

    #[test]
    fn hosts_are_mended_where_the_world_says_how() {
        let mut topology = Topology::new("t");
        let site = topology.site("s");
        let (memory, rate) = (crate::fleet::Bytes(0), crate::fleet::Rate(0.0));
        let hosts =
            ["h1", "h2", "h3"].map(|name| NewHost { name: name.into(), cores: 1, memory, nic: rate, disk: rate });
        topology.add_cluster(site, "h", hosts);
        let mut fleet = Fleet::new(Arc::new(topology));
        let findings = [Finding::LibvirtdHung, Finding::HostSilent, Finding::LibvirtdHung];
        let all: Vec<HostId> = (0..3).map(HostId).collect();
        for (&host, finding) in all.iter().zip(findings) {
            let found = Arc::new(Diagnosis::new(finding, "why", Vec::new()));
            Arc::make_mut(&mut fleet.host_diagnoses).insert(host, found);
        }
        let does = |power: &[PowerAction]| {
            let menu = of_hosts(&fleet, &all, power).expect("a menu");
            let entry = |entry: &Entry| match &entry.does {
                Does::Power(action, hosts) => format!("{} {} of {}", entry.name, action.word(), hosts.len()),
                Does::Say(text) => format!("{}: {text}", entry.name),
                other => format!("{other:?}"),
            };
            menu.entries.iter().map(entry).collect::<Vec<_>>()
        };
        assert_eq!(does(&PowerAction::ALL), ["restart libvirtd restart-libvirtd of 2", "reboot the host reboot of 1"]);
        assert_eq!(does(&[PowerAction::Reboot]), ["reboot the host reboot of 1", "restart libvirtd: why."]);
    }
}
