//! What is done about operations and tasks.

use super::when::{any_open, failed_operation, has_operations, in_tasks, open_operation, open_task, steers};
use super::{Action, takes};
use crate::console::dialog::Dialog;
use crate::handle::{Command, OpState};

actions! {
    "Operations" {
        "cancel-operation" "cancel" true open_operation "Cancels all tasks of the operation that have not ended." |a| {
            if let Some(dialog) = a.operation().map(Dialog::cancel_operation) { a.open_dialog(dialog); }
        };
        "hold-operation" "pause/go on" true open_operation "Pauses the operation, so that it starts no more tasks, or lets it go on." |a| {
            if let Some((op, state)) = a.operation().map(|op| (op.id, op.state)) {
                a.command(if state == OpState::Paused { Command::ResumeOperation(op) } else { Command::PauseOperation(op) });
            }
        };
        "retry-failed" "retry failed" true failed_operation "Asks again for what failed in the operation." |a| {
            if let Some(dialog) = a.operation().map(Dialog::retry) { a.open_dialog(dialog); }
        };
        "cancel-task" "cancel task" true open_task "Cancels the task under the cursor, or the one that works on the VM looked at." |a| {
            if let Some(task) = a.task() {
                let dialog = Dialog::cancel_task(task.id, task.kind, &format!("{} of {}", task.kind.word(), task.name));
                a.open_dialog(dialog);
            }
        };
        "task-filter" "next kind of tasks" true in_tasks "Shows all, running, waiting or failed tasks." |a| {
            if let Some(tasks) = a.tasks_mut() { tasks.next_filter(); }
        };
        "stop-everything" "stop everything" true any_open "Cancels every operation." |a| {
            a.open_dialog(Dialog::stop_everything(&a.snapshot.operations));
        };
        "limits" "limits" true steers "Changes how many tasks may run at once." |a| a.open_dialog(Dialog::limits(a.snapshot.limits)), takes takes::LIMITS;
        "op" "operation" false has_operations "Shows the tasks of an operation, by its number." |a| a.begin_command("op "), takes takes::OPERATION;
    }
}
