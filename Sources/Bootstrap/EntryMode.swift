/// What a container of the agent's image is to do, from the words behind the image (PROTOCOL 1.9).
package enum EntryMode: Sendable, Hashable {
    /// Registers this host at the URL, and starts the container of the agent.
    case launch(url: String)
    /// `register` without `RANCHER_URL`: nothing is to be done.
    case nothingToRegister
    /// Replaces the container of the agent by one of this image.
    case upgrade
    /// Tells what the launch has to know of the host.
    case inspectHost
    /// Makes the directory of the state.
    case prepareState
    /// The agent itself, with the flags behind the word.
    case run([String])
    /// Another program.
    case execute([String])
    /// A command of `rancher-agent`, such as `--version` or `state instances`.
    case command([String])

    /// Reads the words.
    ///
    /// - Parameters:
    ///   - words: Those behind the image; without any the help is shown.
    ///   - environment: Holds `RANCHER_URL` for `register`.
    package init(words: [String], environment: [String: String]) {
        var words = words[...]
        // In the manifests for Kubernetes the entry point of older images stands in front.
        if words.first == "/run.sh" { words.removeFirst() }
        guard let first = words.first else {
            self = .command(["--help"])
            return
        }
        let rest = Array(words.dropFirst())
        switch first {
        case _ where first.hasPrefix("http"): self = .launch(url: first)
        case "register":
            let url = environment["RANCHER_URL"] ?? ""
            self = url.isEmpty ? .nothingToRegister : .launch(url: url)
        case "upgrade": self = .upgrade
        case "inspect-host": self = .inspectHost
        // With anything behind it, it is the command that looks into the state.
        case "state" where rest.isEmpty: self = .prepareState
        case "run", "k8srun": self = .run(rest)
        case "--": self = .execute(rest)
        default: self = .command(Array(words))
        }
    }
}
