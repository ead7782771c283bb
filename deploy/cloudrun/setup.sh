#!/bin/sh
# Sets mcpkeep up on Cloud Run with Cloud SQL, in two steps:
#
#	PROJECT=acme REGION=europe-west1 deploy/cloudrun/setup.sh prepare [--yes]
#	PROJECT=acme REGION=europe-west1 IMAGE=… GITHUB_CLIENT_ID=… ALLOWED_USERS=alice deploy/cloudrun/setup.sh deploy [--yes]
#
# Prints the commands. With --yes it runs each after printing it, and leaves out what exists.
# INSTANCE is the name of the Cloud SQL instance (mcpkeep). docs/cloud-run.md has the details.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${PROJECT:?is the ID of the project}" "${REGION:?is a region, such as europe-west1}"
INSTANCE=${INSTANCE:-mcpkeep}
service=mcpkeep@$PROJECT.iam
migrate=mcpkeep-migrate@$PROJECT.iam
schedule=mcpkeep-schedule@$PROJECT.iam.gserviceaccount.com
yes=

# run prints a command, and runs it with --yes.
run() {
	printf '+'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=@,-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
	[ -z "$yes" ] || "$@"
}

# unless WORDS… -- COMMAND… runs the command unless gcloud WORDS… finds that it was done.
unless() {
	looks=
	while [ "$1" != -- ]; do
		looks="$looks $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # they are words without spaces
	if [ -n "$yes" ] && gcloud $looks >/dev/null 2>&1; then
		echo "# exists:$looks"
		return
	fi
	run "$@"
}

# fill FILE prints the path of a copy with the names filled in.
fill() {
	mkdir -p "$folder"
	sed -e "s|\${PROJECT}|$PROJECT|g" -e "s|\${REGION}|$REGION|g" -e "s|\${INSTANCE}|$INSTANCE|g" \
		-e "s|\${IMAGE}|${IMAGE:-}|g" -e "s|\${GITHUB_CLIENT_ID}|${GITHUB_CLIENT_ID:-}|g" \
		-e "s|\${ALLOWED_USERS}|${ALLOWED_USERS:-}|g" "$here/$1" >"$folder/$1"
	echo "$folder/$1"
}

prepare() {
	run gcloud services enable --project "$PROJECT" run.googleapis.com sqladmin.googleapis.com iam.googleapis.com \
		secretmanager.googleapis.com artifactregistry.googleapis.com cloudscheduler.googleapis.com
	unless artifacts repositories describe mcpkeep --project "$PROJECT" --location "$REGION" -- \
		gcloud artifacts repositories create mcpkeep --project "$PROJECT" --location "$REGION" --repository-format docker
	for account in mcpkeep mcpkeep-migrate mcpkeep-schedule; do
		unless iam service-accounts describe "$account@$PROJECT.iam.gserviceaccount.com" --project "$PROJECT" -- \
			gcloud iam service-accounts create "$account" --project "$PROJECT"
	done
	unless sql instances describe "$INSTANCE" --project "$PROJECT" -- \
		gcloud sql instances create "$INSTANCE" --project "$PROJECT" --region "$REGION" --database-version POSTGRES_17 \
		--edition enterprise --tier db-g1-small --backup --database-flags cloudsql.iam_authentication=on
	unless sql databases describe mcpkeep --instance "$INSTANCE" --project "$PROJECT" -- \
		gcloud sql databases create mcpkeep --instance "$INSTANCE" --project "$PROJECT"
	for user in "$service" "$migrate"; do
		unless sql users describe "$user" --instance "$INSTANCE" --project "$PROJECT" -- \
			gcloud sql users create "$user" --instance "$INSTANCE" --project "$PROJECT" --type cloud_iam_service_account
		for role in roles/cloudsql.instanceUser roles/cloudsql.client; do
			run gcloud projects add-iam-policy-binding "$PROJECT" --condition None --role "$role" \
				--member "serviceAccount:$user.gserviceaccount.com"
		done
	done
	echo "# Next, as the user postgres on the database mcpkeep, run $(fill grants.sql)"
	echo "# and put the keys and the client secret of the GitHub app into Secret Manager:"
	echo "#   mcpkeep keys generate | gcloud secrets create mcpkeep-keys --project $PROJECT --data-file -"
	echo "#   gcloud secrets create mcpkeep-github --project $PROJECT --data-file FILE"
}

deploy() {
	: "${IMAGE:?is the name of the pushed image}" "${GITHUB_CLIENT_ID:?is the client ID of the GitHub app}"
	: "${ALLOWED_USERS:?is the list of who may sign in}"
	for secret in mcpkeep-keys mcpkeep-github; do
		run gcloud secrets add-iam-policy-binding "$secret" --project "$PROJECT" --role roles/secretmanager.secretAccessor \
			--member "serviceAccount:$service.gserviceaccount.com"
	done
	run gcloud run jobs replace "$(fill job.yaml)" --project "$PROJECT" --region "$REGION"
	run gcloud run jobs execute mcpkeep-migrate --project "$PROJECT" --region "$REGION" --wait
	run gcloud run services replace "$(fill service.yaml)" --project "$PROJECT" --region "$REGION"
	run gcloud run services add-iam-policy-binding mcpkeep --project "$PROJECT" --region "$REGION" \
		--member allUsers --role roles/run.invoker
	run gcloud run jobs replace "$(fill job-clean.yaml)" --project "$PROJECT" --region "$REGION"
	run gcloud run jobs add-iam-policy-binding mcpkeep-clean --project "$PROJECT" --region "$REGION" \
		--member "serviceAccount:$schedule" --role roles/run.invoker
	unless scheduler jobs describe mcpkeep-clean --project "$PROJECT" --location "$REGION" -- \
		gcloud scheduler jobs create http mcpkeep-clean --project "$PROJECT" --location "$REGION" --schedule '17 4 * * *' \
		--uri "https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/mcpkeep-clean:run" \
		--http-method POST --oauth-service-account-email "$schedule"
}

step=${1:-}
case ${2:-} in
--yes) yes=1 ;;
'') echo '# These are the commands. --yes runs them.' ;;
*) step= ;;
esac
case $step in
prepare | deploy)
	folder=${FOLDER:-$(mktemp -d)}
	"$step"
	;;
*)
	echo 'usage: setup.sh prepare|deploy [--yes]' >&2
	exit 2
	;;
esac
