#!/bin/sh
# A node in plain POSIX shell that serves lin-kv from its own memory and tells nobody. Alone it is right; of two, each is wrong about what the
# other has done. Keys and values are numbers here, as Maelstrom's are.

# field NAME: the value of a field of $line, without quotes.
field() {
	rest=${line#*\"$1\":}
	rest=${rest%%[,\}]*}
	rest=${rest#\"}
	echo "${rest%\"}"
}

# reply BODY: without braces and in_reply_to.
reply() {
	printf '{"src":"%s","dest":"%s","body":{%s,"in_reply_to":%s}}\n' "$me" "$src" "$1" "$id"
}

me=
while IFS= read -r line; do
	src=$(field src) id=$(field msg_id) key=$(field key)
	case $(field type) in
	init)
		me=$(field node_id)
		reply '"type":"init_ok"'
		;;
	read)
		eval "value=\${v_$key-}"
		if [ -n "$value" ]; then reply '"type":"read_ok","value":'"$value"; else reply '"type":"error","code":20'; fi
		;;
	write)
		eval "v_$key=$(field value)"
		reply '"type":"write_ok"'
		;;
	cas)
		eval "value=\${v_$key-}"
		if [ -z "$value" ]; then
			reply '"type":"error","code":20'
		elif [ "$value" != "$(field from)" ]; then
			reply '"type":"error","code":22'
		else
			eval "v_$key=$(field to)"
			reply '"type":"cas_ok"'
		fi
		;;
	*) reply '"type":"error","code":10' ;;
	esac
done
