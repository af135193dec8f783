import Agent
import ArgumentParser
import Inspection
import LosslessJSON
import Model
import Store

/// Everything that is stored, for programs and for whoever asks for help.
struct StateExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print everything that is stored as JSON lines, without secrets.",
        discussion: """
            One object a line, whose member "kind" is store, resource, transition, event, reply or quarantine. Passwords, \
            keys, tokens, values of the environment and options of drivers are replaced by \(Redaction.mark), in frames \
            and answers as well. What tells a secret is its name: look through it before you hand it on.

            It is read piece by piece, so that a reader who takes his time holds up nobody: what a running agent writes \
            meanwhile may be in it in part. Of a row that this program cannot read there is only its key, as "unreadable".

            Examples:
              rancher-agent state export > state.jsonl
              rancher-agent state export | grep '"kind":"event"'
            """)

    @OptionGroup var place: StatePlace

    @Flag(help: "Nothing changes: it is JSON in any case.")
    var json = false

    func run() throws {
        var output = OutputBuffer()
        let now = Timestamp.current
        do {
            try place.location.readOnce { store throws(StoreError) in
                try StateExport.run(of: store, now: now) {
                    output.write(Array($0.encodedText.jsonWithoutControls.utf8))
                }
            }
        } catch {
            output.flush()
            throw error
        }
        output.flush()
        if output.isBroken { throw InspectionError("The output could not be written to its end.") }
    }
}

/// Lines on their way to the standard output.
private struct OutputBuffer {
    private var bytes: [UInt8] = []
    /// Not all of it could be written.
    private(set) var isBroken = false

    /// - Returns: whether it is worth going on.
    mutating func write(_ line: [UInt8]) -> Bool {
        bytes += line
        bytes.append(0x0A)
        if bytes.count > 1 << 16 { flush() }
        return !isBroken
    }

    mutating func flush() {
        isBroken = isBroken || !StandardStream.output.write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
