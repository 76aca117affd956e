//! Random keys, clicks and resizes: nothing panics, Esc leads home from everywhere, nothing dangerous goes unasked.

use std::sync::Arc;
use std::time::Instant;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use futures_util::FutureExt;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Position, Rect, Size};

use super::{App, Overlay};
use crate::console::color::ColorLevel;
use crate::console::dialog::Act;
use crate::console::export::{Ended, Export, Format, Sheet, Target};
use crate::console::habits::Habits;
use crate::console::hits::{Hit, Hits};
use crate::console::keymap::Keymap;
use crate::console::layout::Panel;
use crate::console::live::Look;
use crate::console::page::Page;
use crate::console::undo::Step;
use crate::console::{Options, view};
use crate::fleet::{
    Bytes, Finding, Fleet, HostId, HostState, Image, NewHost, OpId, PowerAction, Rate, Ready, TaskId, Time, Topology,
    VmClass, VmRow, VmState,
};
use crate::handle::{
    About, Accepted, Answer, Command, OpKind, OpState, OperationView, Preview, Query, Service, Snapshot, pair,
};

const VMS: u32 = 300;

fn fleet() -> Fleet {
    let mut topology = Topology::new("chaos");
    for (site, cluster) in [("rennes", "parapide"), ("nancy", "graphene"), ("sophia", "suno")] {
        let site = topology.site(site);
        let host = |n| NewHost {
            name: format!("{cluster}-{n}"),
            cores: 8,
            memory: Bytes::mib(32 * 1024),
            nic: Rate(125e6),
            disk: Rate(1e8),
        };
        topology.add_cluster(site, cluster, (1..=20).map(host));
    }
    let mut fleet = Fleet::new(Arc::new(topology));
    fleet.now = Time::from_secs_f64(100.0);
    for host in 0..60 {
        let state = if host == 7 { HostState::Unreachable } else { HostState::Ready };
        fleet.hosts.update(HostId(host), |row| row.state = state);
    }
    let states = [VmState::Up, VmState::Up, VmState::Starting, VmState::Migrating, VmState::Failed, VmState::Paused];
    for i in 0..VMS {
        let state = states[i as usize % states.len()];
        let row = VmRow {
            state,
            host: Some(HostId(i % 60)),
            target: (state == VmState::Migrating).then_some(HostId((i + 1) % 60)),
            finding: if i % 50 == 3 { Finding::NonConverging } else { Finding::None },
            cpu: i % 1000,
            memory: 1024,
            dirty: i * 10,
            ..VmRow::default()
        };
        fleet.vms.push(&format!("vm-{}", i + 1), row);
    }
    fleet
}

fn snapshot() -> Snapshot {
    let class = VmClass {
        name: "small".into(),
        vcpus: 1,
        memory: Bytes::mib(1024),
        image: Image::None,
        network: None,
        cpu: None,
        ready: Ready::Up,
        agent: true,
        ssh: None,
        patience: None,
        ssh_key: None,
    };
    let operation = |id, state| OperationView {
        id: OpId(id),
        state,
        title: "boot 64 small".into(),
        total: 64,
        running: 4,
        waiting: 50,
        done: 8,
        failed: 2,
        ..OperationView::new(OpKind::Boot)
    };
    Snapshot {
        fleet: fleet(),
        operations: Arc::new(vec![operation(1, OpState::Ended), operation(2, OpState::Running)]),
        about: Arc::new(About {
            world: "chaos".into(),
            platform: "sim".into(),
            classes: vec![Arc::new(class)],
            power: PowerAction::ALL.to_vec(),
            ..About::default()
        }),
        ..Snapshot::default()
    }
}

/// A console without its loop: what the loop does between two events is done at once.
struct Rig {
    app: App,
    service: Service,
    terminal: Terminal<TestBackend>,
}

impl Rig {
    fn new(keymap: &str) -> Self {
        let (handle, service) = pair(Arc::new(snapshot()));
        let options = Options { keymap: keymap.into(), color: ColorLevel::True, ..Options::default() };
        let look = Look::new(&options).unwrap();
        let mut app = App::new(handle, look, Habits::default(), Size::new(120, 36)).unwrap();
        app.settle();
        Self { app, service, terminal: Terminal::new(TestBackend::new(120, 36)).unwrap() }
    }

    /// Does what an event means, draws, and answers what is asked; what was commanded comes back.
    fn event(&mut self, event: Event) -> Vec<Command> {
        self.app.now = Instant::now();
        self.app.event(event);
        self.app.suspend = false;
        self.app.exit = false;
        self.app.settle();
        let mut commands = Vec::new();
        while let Ok((command, reply)) = self.service.commands.try_recv() {
            commands.push(command);
            reply.send(Ok(Accepted { op: Some(OpId(3)), message: "#3 began".into() })).ok();
        }
        while let Ok((query, reply)) = self.service.queries.try_recv() {
            reply.send(answer(&query)).ok();
        }
        while let Some(heard) = self.app.asks.next().now_or_never() {
            self.app.hear(heard);
        }
        while let Some(Some(found)) = self.app.sorter.found().now_or_never() {
            self.app.order(found);
        }
        self.app.settle();
        let area = Rect::from((Position::ORIGIN, self.app.size));
        if self.terminal.backend().buffer().area != area {
            self.terminal.backend_mut().resize(area.width, area.height);
        }
        if area.area() > 0 {
            let mut hits = Hits::default();
            self.terminal.draw(|frame| hits = view::draw(&self.app, frame)).unwrap();
            self.app.hits = hits;
        }
        // No files are written here.
        if matches!(self.app.overlays.last(), Some(Overlay::Dialog(dialog)) if matches!(dialog.act, Act::Export(_))) {
            self.app.close();
        }
        commands
    }

    fn key(&mut self, code: KeyCode) -> Vec<Command> {
        self.event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    /// Whether the button that acts has the focus of an open dialog.
    fn on_the_button(&self) -> bool {
        matches!(self.app.overlays.last(), Some(Overlay::Dialog(dialog)) if dialog.at == dialog.go())
    }

    /// Whether a question is open at all: a click may press its button.
    fn in_a_dialog(&self) -> bool {
        matches!(self.app.overlays.last(), Some(Overlay::Dialog(_)))
    }
}

fn answer(query: &Query) -> Answer {
    match query {
        Query::Preview(spec) => Answer::Preview(Box::new(Preview {
            kind: spec.kind(),
            title: "what was asked for".into(),
            tasks: 5,
            sources: Vec::new(),
            targets: Vec::new(),
            ending: 0,
            unchanged: 0,
            refused: Vec::new(),
            doubtful: None,
            bytes: Bytes::mib(5),
            duration: None,
            downtime: None,
            tightest: None,
            examples: Vec::new(),
        })),
        _ => Answer::None("not here".into()),
    }
}

/// What may be commanded without a question: it can be undone by the same key, only lets things go on, or, with no
/// dialog open before, takes back what was asked about then.
fn harmless(command: &Command, asked: bool) -> bool {
    use Command::{PauseOperation, ResumeOperation, SetLimits, Undrain};
    match command {
        PauseOperation(_) | ResumeOperation(_) | Undrain(_) => true,
        SetLimits(_) => !asked,
        _ => false,
    }
}

#[test]
fn a_cancelled_destroy_is_asked_for_again_only_after_a_question() {
    for (kind, asks) in
        [(OpKind::Migrate, false), (OpKind::Boot, false), (OpKind::Destroy, true), (OpKind::Reboot, true)]
    {
        let mut rig = Rig::new("default");
        rig.app.habits.undo.note(Step::Cancelled(TaskId(3), kind, "it".into()), false);
        let commands = rig.key(KeyCode::Char('U'));
        assert_eq!((rig.in_a_dialog(), commands.len()), (asks, usize::from(!asks)), "{kind:?}");
        if asks {
            assert!(!rig.on_the_button());
            rig.key(KeyCode::Right);
            assert_eq!(rig.key(KeyCode::Enter), [Command::RetryTask(TaskId(3))]);
        }
    }
}

#[test]
fn a_double_click_does_not_press_the_button_that_it_brought_up() {
    let mut rig = Rig::new("default");
    rig.key(KeyCode::Char('D'));
    let places = (0..36).flat_map(|y| (0..120).map(move |x| Position::new(x, y)));
    let Some(Overlay::Dialog(dialog)) = rig.app.overlays.last() else { panic!("no question") };
    let (go, cancel) = (dialog.go(), dialog.cancel());
    let at = places.into_iter().find(|at| rig.app.hits.at(*at) == Some(Hit::Part(go))).unwrap();
    let kind = MouseEventKind::Down(MouseButton::Left);
    let click = Event::Mouse(MouseEvent { kind, column: at.x, row: at.y, modifiers: KeyModifiers::NONE });
    rig.app.pointer.opened = Some(Instant::now());
    assert_eq!(rig.event(click.clone()), []);
    assert!(matches!(rig.app.overlays.last(), Some(Overlay::Dialog(dialog)) if dialog.at == cancel));
    rig.app.pointer.opened = None;
    assert_eq!(rig.event(click).len(), 1);
}

#[test]
fn a_file_in_the_way_is_asked_about_when_nothing_else_is_open() {
    let mut rig = Rig::new("default");
    rig.key(KeyCode::Char('?'));
    let target = Target { path: "there.csv".into(), format: Format::Csv, overwrite: false };
    rig.app.exported(Ended::Exists(Box::new(Export { target, sheet: Sheet::Operations(Vec::new()) })));
    rig.key(KeyCode::Down);
    assert!(matches!(rig.app.overlays.as_slice(), [Overlay::Help(_)]));
    rig.key(KeyCode::Esc);
    assert!(
        matches!(rig.app.overlays.as_slice(), [Overlay::Dialog(dialog)] if matches!(dialog.act, Act::Overwrite(_)))
    );
    rig.key(KeyCode::Esc);
    assert!(rig.app.overlays.is_empty() && rig.app.in_the_way.is_none());
}

fn any_event() -> impl Strategy<Value = Event> {
    let code = prop_oneof![
        12 => prop::char::ranges(vec![' '..='~'].into()).prop_map(KeyCode::Char),
        // What leads into and through dialogs is typed more often than by chance.
        3 => prop::sample::select("Dmebs*!lpR:/2345679012".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        8 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Enter, KeyCode::Tab, KeyCode::Tab, KeyCode::BackTab, KeyCode::Esc, KeyCode::Up,
            KeyCode::Down, KeyCode::Left, KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::PageUp,
            KeyCode::PageDown, KeyCode::Backspace, KeyCode::Delete, KeyCode::F(1), KeyCode::F(5), KeyCode::Insert,
        ]),
    ];
    let modifiers = prop_oneof![
        8 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::SHIFT),
        1 => Just(KeyModifiers::ALT),
    ];
    let kind = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Down(MouseButton::Right),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Moved,
    ]);
    prop_oneof![
        30 => (code, modifiers).prop_map(|(code, modifiers)| Event::Key(KeyEvent::new(code, modifiers))),
        3 => (kind, 0u16..200, 0u16..70, any::<bool>()).prop_map(|(kind, column, row, ctrl)| {
            let modifiers = if ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            Event::Mouse(MouseEvent { kind, column, row, modifiers })
        }),
        1 => (0u16..260, 0u16..90).prop_map(|(w, h)| Event::Resize(w, h)),
        1 => Just(Event::Resize(120, 36)),
        1 => "[a-z:{}> ]{0,12}".prop_map(Event::Paste),
    ]
}

#[test]
fn ten_thousand_random_events_leave_a_way_home_and_command_nothing_unasked() {
    let long = std::env::var_os("HEMERA_LONG").is_some();
    let config =
        ProptestConfig { cases: if long { 400 } else { 40 }, failure_persistence: None, ..ProptestConfig::default() };
    let keymaps = prop::sample::select(Keymap::names().collect::<Vec<_>>());
    let events = prop::collection::vec(any_event(), 250);
    proptest!(config, |(keymap in keymaps, events in events)| {
        let mut rig = Rig::new(keymap);
        for event in events {
            let presses = match &event {
                Event::Key(key) => rig.on_the_button() && key.code == KeyCode::Enter,
                Event::Mouse(_) => rig.in_a_dialog(),
                _ => false,
            };
            let asked = rig.in_a_dialog();
            for command in rig.event(event.clone()) {
                prop_assert!(presses || harmless(&command, asked), "{event:?} commanded {command:?} unasked");
            }
        }
        rig.event(Event::Resize(120, 36));
        for _ in 0..20 {
            rig.key(KeyCode::Esc);
        }
        let app = &rig.app;
        prop_assert!(app.overlays.is_empty() && app.keys.is_empty());
        prop_assert_eq!((app.nav.page(), app.focus), (Page::Overview, Panel::Vms));
        prop_assert_eq!(&app.vms.filter_box.text, "");
        prop_assert!(!app.is_filtering());
    });
}
