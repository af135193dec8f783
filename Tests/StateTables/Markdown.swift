import Lifecycle
import Model

/// A table whose columns are aligned in the text, too.
func markdownTable(_ header: [String], _ rows: [[String]]) -> String {
    let all = [header] + rows
    let widths = header.indices.map { index in all.map { $0[index].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
        "| "
            + zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: " | ")
            + " |"
    }
    let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
}

/// The phases of one machine as a diagram and as a table.
func phaseSection<Phase: MachinePhase>(_: Phase.Type) -> String {
    let phases = Phase.allCases
    var diagram = ["stateDiagram-v2", "    [*] --> \(phases[0].rawValue)"]
    for phase in phases {
        for successor in phases where phase.successors.contains(successor) {
            diagram.append("    \(phase.rawValue) --> \(successor.rawValue)")
        }
    }
    for phase in phases where phase.isSettled { diagram.append("    \(phase.rawValue) --> [*]") }
    let rows = phases.map { phase in
        let followers = phases.filter { phase.successors.contains($0) }.map(\.rawValue).joined(separator: ", ")
        return ["`\(phase.rawValue)`", followers.isEmpty ? "settled" : followers]
    }
    return "```mermaid\n" + diagram.joined(separator: "\n") + "\n```\n\n"
        + markdownTable(["Phase", "What can follow"], rows)
}

/// The step in a word or two.
func word(_ step: Step) -> String {
    switch step {
    case .perform(let operation): word(operation)
    case .require(let requirements):
        switch requirements.first {
        case .volume, nil: "volumes"
        case .release: "release"
        case .image: "image"
        }
    case .wait: "wait"
    case .settle: "**settle**"
    case .fail: "*fail*"
    }
}

private func word(_ operation: Operation) -> String {
    switch operation {
    case .findContainer, .inspectContainer, .inspectVolume, .inspectImage: "look"
    case .createContainer, .createVolume: "create"
    case .startContainer: "start"
    case .stopContainer: "stop"
    case .killContainer: "kill"
    case .removeContainer, .removeVolume, .removeImage: "remove"
    case .detectAddress: "address"
    case .callPlugin(let call, _): "plug-in: \(call)"
    case .pullImage: "pull"
    case .buildImage: "build"
    case .updateConfiguration: "configure"
    case .tagImage: "tag"
    }
}
