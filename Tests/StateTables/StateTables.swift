import Lifecycle

/// The page of the documentation that shows the state machines as tables, made from the machines themselves.
package enum StateTables {
    package static var page: String {
        var parts = [head, legend, "## Phases of an instance", InstanceTables.phases]
        parts += ["### First step of a fresh wish for an instance", freshNote, InstanceTables.fresh]
        for desired in InstanceDesire.allCases {
            parts += ["### An instance that is wanted \(desired)", instanceNote, InstanceTables.steps(desired)]
        }
        parts += ["## Phases of a volume", VolumeTables.phases]
        parts += ["### First step of a fresh wish for a volume", VolumeTables.fresh]
        for desired in VolumeDesire.allCases {
            parts += ["### A volume that is wanted \(desired)", VolumeTables.steps(desired)]
        }
        parts += ["## Phases of an image", ImageTables.phases]
        parts += ["### First step of a fresh wish for an image", ImageTables.fresh]
        for wish in ImageTables.wishes {
            parts += ["### An image that is wanted \(wish.name)", ImageTables.steps(wish.machine)]
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private static let head = """
        # State Tables

        Every phase, every observation and what follows, asked of the machines themselves.

        ## Overview

        <!-- Written by `make tables` and held up to date by a test. Do not edit. -->

        A resource is in one phase at a time. Within one wish it moves along the arrows; where a phase is settled, the \
        wish has been brought to its end, and only a new wish leads on, to `requested` again. (A running or stopped \
        instance whose container is changed by somebody else shows that by changing between these two phases.)

        The tables of the next step show what follows when the process is killed in a phase and started anew: it looks \
        first, and the column is what it sees. A phase that this wish never goes through has no row. The steps are:
        """

    private static var legend: String {
        markdownTable(
            ["Step", "Meaning"],
            [
                ["look", "the engine is asked what there is"],
                ["create, start, …", "this is asked of the engine; what became of it decides what follows"],
                ["volumes, image", "what the instance needs is brought in place first"],
                ["release", "what storage plug-ins have mounted for the instance is given back"],
                ["address", "the address that a network plug-in gives is looked for"],
                ["plug-in: …", "this is asked of the storage plug-in"],
                ["wait", "nothing for a while, then another try"],
                ["**settle**", "it is as it was wanted: that is the answer"],
                ["*fail*", "it cannot be made so: that is the answer"],
            ])
    }

    private static let freshNote = """
        By what is known when the wish arrives: from the engine's list or event stream, which are hints, and from an \
        inspection, which is evidence. The instance is a plain one, without volumes.
        """

    private static let instanceNote = """
        The instance has a volume of a storage plug-in, and gets its address from a network plug-in.
        """
}
