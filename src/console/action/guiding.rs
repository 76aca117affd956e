//! First steps.

use super::when::{on_tour, steers_simulated};
use super::{Action, takes};
use crate::console::app::App;

actions! {
    "First steps" {
        "tour" "tour" true steers_simulated "Begins a tour in five steps: boot, find, move, stress and repair VMs." App::begin_tour;
        "tour-skip" "skip" true on_tour "Skips a step of the tour." |a| a.tour_go(1);
        "tour-back" "step back" true on_tour "Goes back a step of the tour." |a| a.tour_go(-1);
        "tour-leave" "leave the tour" false on_tour "Ends the tour." App::leave_tour;
        "demo" "demo" true steers_simulated "Plays a demo with captions; any key makes it stand still." |a| a.play_demo(1.0), takes takes::DEMO;
    }
}
