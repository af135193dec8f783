import ArgumentParser
import Model

/// The version, for people; `-version` is for scripts.
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() {
        print("rancher-agent version \(AgentVersion.current)")
    }
}
